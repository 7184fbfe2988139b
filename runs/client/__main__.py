"""`python -m runs.client`: the command `syncdeck`, where it is not installed."""

from runs.client.command import main

main()
