"""The knobs of Python and of the C library, for processes that stay and work on many objects."""

from __future__ import annotations

import ctypes
import gc
import sys

# Net new objects until a look at the youngest; looks at these until one at the middle generation, and so on. A page of
# 1,000 records is some 20,000 objects, none of which lies in a cycle.
_YOUNG, _MIDDLE, _OLD = 50_000, 20, 100
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_LARGE = 128 * 1024
_SWITCH_SECONDS = 0.0001  # the thread that has the database's answer waits for the one that parses, fifty times less


def expect_many_objects() -> None:
    """Look for garbage cycles less often: Python's defaults spend a sixth of a process's start on it, and find none."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def keep_what_is_loaded() -> None:
    """Let the garbage collector leave alone what is there now.

    Walking through everything that stays anyway is a pause of some 80 ms, now and then, in the midst of an answer.
    """
    gc.collect()
    gc.freeze()


def expect_many_records() -> None:
    """For a process that executes runs: Python's defaults spend a third of its time looking for garbage cycles."""
    keep_what_is_loaded()
    _give_pages_back()
    expect_many_objects()
    sys.setswitchinterval(_SWITCH_SECONDS)


def _give_pages_back() -> None:
    """Let the memory of a fetched page go once it is free. Of each large block glibc learns to keep the next one, which
    came to a tenth of a daemon's memory and made nothing faster.

    And let all threads share one heap: while they wait for the interpreter, they don't for the heap, and each further
    one keeps free what the others could use.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, 1)
