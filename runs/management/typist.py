"""Who types a command, for the lines that tell who did something."""

from __future__ import annotations

import getpass
from contextlib import AbstractContextManager

from runs.acting import Actor, acting


def who_types() -> str:
    """The person's name on this machine; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"


def typing() -> AbstractContextManager[None]:
    """All that is done within is the doing of whoever types the command."""
    return acting(Actor(who_types()))
