"""Python's own knobs, for processes that stay and work on many objects."""

from __future__ import annotations

import gc
import sys

# Net new objects until a look at the youngest; looks at these until one at the middle generation, and so on. A page of
# 1,000 records is some 20,000 objects, none of which lies in a cycle.
_YOUNG, _MIDDLE, _OLD = 50_000, 20, 100
_SWITCH_SECONDS = 0.0005  # the thread that has the database's answer waits for the one that parses, ten times less


def keep_what_is_loaded() -> None:
    """Let the garbage collector leave alone what is there now.

    Walking through everything that stays anyway is a pause of some 80 ms, now and then, in the midst of an answer.
    """
    gc.collect()
    gc.freeze()


def expect_many_records() -> None:
    """For a process that executes runs: Python's defaults spend a third of its time looking for garbage cycles."""
    keep_what_is_loaded()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
