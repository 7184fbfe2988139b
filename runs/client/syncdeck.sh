#!/bin/sh
# The command in a checkout: `make setup` puts this into .venv/bin, beside the interpreter that it starts. An installed
# package has a script of its own, and no metadata of a checkout grows old when that is pulled.
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
project=$(dirname "$(dirname "$bin")")
PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}" exec "$bin/python" -m runs.client "$@"
