"""`syncdeck`: runs listed, shown, followed, stopped and started from any machine, through the API.

What is asked for is told on standard output, everything else on standard error. Exit status: 0 done, 2 refused or not
understood; `tail` and `--tail` end with that of the run, 0 completed, 1 failed, 3 stopped.
"""

from __future__ import annotations

import os
import sys

from runs.client.command.arguments import parsed
from runs.client.command.asked import Asked, opened
from runs.client.command.verbs import VERBS
from runs.client.errors import SyncdeckError
from runs.words import INTERRUPTED, harmless

REFUSED = 2
CUT_OFF = 141  # what a shell answers for a command whose reader has left


def main() -> None:
    sys.exit(_status(sys.argv[1:]))


def _status(arguments: list[str]) -> int:
    try:
        status = _done(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter's own flush says it again
        return CUT_OFF
    except KeyboardInterrupt:
        return INTERRUPTED
    except SyncdeckError as error:
        for line in str(error).splitlines():
            print(f"syncdeck: {harmless(line)}", file=sys.stderr)
        return REFUSED
    return status


def _done(arguments: list[str]) -> int:
    options = parsed(arguments)
    with opened(options) as deck:
        return VERBS[options.verb](Asked(deck, options)) or 0
