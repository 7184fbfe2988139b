"""JSONata (https://docs.jsonata.org), as integrations and mappings use it. The library stands behind this module alone.

An expression is written by whoever may describe an integration, and reads what a source has sent. So its length, time,
depth and regular expressions are bounded. The bounds are looked at between its steps: a single step that builds a long
list can't be interrupted, which is why expressions are evaluated by daemons, and in the web process only for one page.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import regex
from jsonata import Jsonata
from jsonata.jexception import JException

from runs.connectors.errors import ExpressionFailed, RequestFailed

MAX_LENGTH = 50_000
EVALUATION_MILLISECONDS = 1_000
MAX_DEPTH = 200
PATTERN_SECONDS = 0.2
_KEPT = 256


class _Compiled(threading.local):
    """The library's objects belong to one thread each."""

    def __init__(self) -> None:
        self.by_text: dict[str, Jsonata] = {}


_compiled = _Compiled()


class Expression:
    """A JSONata expression. Several threads may evaluate it side by side."""

    def __init__(self, text: str) -> None:
        """Raises ExpressionFailed if the text is no JSONata, or too long."""
        self.text = text
        self._own()

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, roots: Mapping[str, Any]) -> Any:
        """The value, as plain JSON, where the names in `roots` are in scope. None stands for undefined too.

        Raises ExpressionFailed for whatever goes wrong, and when it takes too long.
        """
        own = self._own()
        frame = own.create_frame()
        frame.set_runtime_bounds(EVALUATION_MILLISECONDS, MAX_DEPTH)
        Jsonata.CURRENT.jsonata = own  # which functions such as $map and $now look for
        try:
            return _plain(own.evaluate(dict(roots), frame))
        except ExpressionFailed:
            raise
        except JException as error:
            raise ExpressionFailed(str(error)) from error
        except TimeoutError as error:
            raise ExpressionFailed(f"A pattern takes longer than {PATTERN_SECONDS} s.") from error
        except RecursionError as error:
            raise ExpressionFailed("The expression nests too deeply.") from error
        except Exception as error:  # the library lets Python's own errors through for odd input
            raise ExpressionFailed(f"The expression can't be evaluated: {type(error).__name__}: {error}") from error

    def _own(self) -> Jsonata:
        """This thread's compiled form."""
        own = _compiled.by_text.get(self.text)
        if own is None:
            own = _parsed(self.text)
            if len(_compiled.by_text) >= _KEPT:
                _compiled.by_text.clear()
            _compiled.by_text[self.text] = own
        return own


def evaluated(expression: Expression, roots: Mapping[str, Any], key: str) -> Any:
    """The value of an integration's expression, which stands at `key` of its config.

    Raises RequestFailed, because what goes wrong ends the request that it is evaluated for.
    """
    try:
        return expression.evaluate(roots)
    except ExpressionFailed as error:
        raise RequestFailed("expression_failed", f"{key}: {error}") from error


def _parsed(text: str) -> Jsonata:
    if len(text) > MAX_LENGTH:
        raise ExpressionFailed(f"The expression has {len(text)} characters; at most {MAX_LENGTH} are taken.")
    try:
        parsed = Jsonata(text, regex_engine=_BoundedPattern)
    except JException as error:
        raise ExpressionFailed(str(error)) from error
    except RecursionError as error:
        raise ExpressionFailed("The expression nests too deeply.") from error
    except Exception as error:  # the library lets Python's own errors through for odd input
        raise ExpressionFailed(f"The expression can't be read: {type(error).__name__}: {error}") from error
    parsed.set_validate_input(False)  # it walks the whole input each time, and what comes here is JSON
    return parsed


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
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ExpressionFailed("The expression gives a function, not a value.")
    return value
