"""JSONata (https://docs.jsonata.org), as integrations and mappings use it. The library stands behind this module alone.

An expression is written by whoever may describe an integration, and reads what a source has sent. So its length, time,
depth and regular expressions are bounded. The bounds are looked at between its steps: a single step that builds a long
list can't be interrupted, which is why expressions are evaluated by daemons, and in the web process only for one page.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import regex

from runs.connectors.errors import ExpressionFailed, RequestFailed
from runs.connectors.jsonata_library import JException, Jsonata, Timebox
from runs.connectors.plain_parts import NULL, Part, compiled

MAX_LENGTH = 50_000
EVALUATION_SECONDS = 1.0
MAX_DEPTH = 200
PATTERN_SECONDS = 0.2
MAX_MESSAGE = 500
KEPT = 256


class Expression:
    """A JSONata expression. Several threads may evaluate it side by side."""

    def __init__(self, text: str) -> None:
        """Raises ExpressionFailed if the text is no JSONata, or too long."""
        self.text = text
        self._compiled = _compiled(text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, roots: Mapping[str, Any], seconds: float = EVALUATION_SECONDS) -> Any:
        """The value, as plain JSON, where the names in `roots` are in scope. None stands for undefined too.

        It may share objects with the roots. Raises ExpressionFailed for whatever goes wrong, and when it takes longer
        than so many seconds.
        """
        evaluation = _Evaluation(self._compiled.library, dict(roots), seconds)
        try:
            value = self._compiled.part(evaluation.roots, evaluation)
            return _plain(value) if evaluation.used_the_library else None if value is NULL else value
        except ExpressionFailed:
            raise
        except Exception as error:
            raise _in_our_words(error, "The expression can't be evaluated") from error


def evaluated(expression: Expression, roots: Mapping[str, Any], key: str) -> Any:
    """The value of an integration's expression, which stands at `key` of its config.

    Raises RequestFailed, because what goes wrong ends the request that it is evaluated for.
    """
    try:
        return expression.evaluate(roots)
    except ExpressionFailed as error:
        raise RequestFailed("expression_failed", f"{key}: {error}") from error


@dataclass(frozen=True)
class _Compiled:
    library: Jsonata
    part: Part


@lru_cache(maxsize=KEPT)
def _compiled(text: str) -> _Compiled:
    if len(text) > MAX_LENGTH:
        raise ExpressionFailed(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are taken.")
    try:
        library = Jsonata(f"{text}\n", regex_engine=_BoundedPattern)  # it reads on behind a comment at the very end
        return _Compiled(library, compiled(library.ast))
    except IndexError as error:
        raise ExpressionFailed("The expression breaks off within a comment.") from error
    except Exception as error:
        raise _in_our_words(error, "The expression can't be read") from error


class _Evaluation:
    """One evaluation: the scope of its parts, and the bounds of what the library evaluates for them."""

    def __init__(self, library: Jsonata, roots: dict[str, Any], seconds: float) -> None:
        self.roots = roots
        self.used_the_library = False
        self._shared = library
        self._seconds = seconds
        self._depth = 0

    def evaluated(self, node: Any, context: Any) -> Any:
        """The node's value by the library's evaluator. Raises what the library raises, and ExpressionFailed."""
        self.used_the_library = True
        return self._library.eval(node, context, self._frame)

    @cached_property
    def _library(self) -> Any:
        """The library keeps its place in the object, so each evaluation has one; the tree is shared, and only read."""
        own = copy.copy(self._shared)
        own.timestamp = Timebox.current_milli_time()  # what $now and $millis tell, all of them the same
        Jsonata.CURRENT.jsonata = own  # where functions such as $map and $now look for it
        return own

    @cached_property
    def _frame(self) -> Any:
        """The variables, and the bounds. The library's own bounds lose count where an object has several fields."""
        frame = self._library.create_frame(self._library.environment)
        frame.bind("$", self.roots)
        ends = time.monotonic() + self._seconds

        def enter(node: Any, context: Any, frame: Any) -> None:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ExpressionFailed("The expression nests too deeply, or calls itself without an end.")
            if time.monotonic() > ends:
                raise ExpressionFailed(f"The expression takes longer than {self._seconds:.0f} s.")

        def leave(node: Any, context: Any, frame: Any, value: Any) -> None:
            self._depth -= 1

        frame.set_evaluate_entry_callback(enter)
        frame.set_evaluate_exit_callback(leave)
        return frame


def _in_our_words(error: Exception, what: str) -> ExpressionFailed:
    """The library's errors, and Python's own, which it lets through for odd input."""
    match error:
        case JException():
            return ExpressionFailed(str(error)[:MAX_MESSAGE])
        case TimeoutError():
            return ExpressionFailed(f"A pattern takes longer than {PATTERN_SECONDS} s.")
        case RecursionError():
            return ExpressionFailed("The expression nests too deeply.")
    return ExpressionFailed(f"{what}: {type(error).__name__}: {error}"[:MAX_MESSAGE])


class _BoundedPattern:
    """A regular expression that gives up in time: Python's own can't be interrupted."""

    def __init__(self, pattern: str, flags: Any) -> None:
        chosen = (regex.IGNORECASE if flags.case_insensitive else 0) | (regex.MULTILINE if flags.multiline else 0)
        self._pattern = regex.compile(pattern, chosen)
        self.pattern = pattern

    def search(self, text: str) -> Any:
        return self._pattern.search(text, timeout=PATTERN_SECONDS)

    def finditer(self, text: str) -> Any:
        return self._pattern.finditer(text, timeout=PATTERN_SECONDS)

    def sub(self, replacement: Any, text: str, count: int = 0) -> str:
        return self._pattern.sub(replacement, text, count=count, timeout=PATTERN_SECONDS)

    def split(self, text: str, maxsplit: int = 0) -> list[Any]:
        return self._pattern.split(text, maxsplit=maxsplit, timeout=PATTERN_SECONDS)


def _plain(value: Any) -> Any:
    """Lists and objects as Python's own: the library's sequences know more than JSON does."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is NULL:
        return None
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ExpressionFailed("The expression gives a function, not a value.")
    return value
