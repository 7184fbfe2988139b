"""How a log line looks: for people in a terminal, or as JSON for machines.

As JSON every line that a process of ours writes is one object, also those that no logger writes by itself: warnings,
tracebacks of what nobody caught, and what Celery prints.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson
import structlog

from runs.connectors import masked_value


def without_secrets(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask the line: the text of an exception may quote what a source said, or an address."""
    masked: structlog.typing.EventDict = masked_value(event)
    return masked


def as_json(value: Any, **_: Any) -> str:
    """One line. orjson stops at long integers and halves of characters, the standard library at neither; both write
    what they don't know by its `repr`."""
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, default=repr)


shared: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    without_secrets,
]
# Tracebacks without the values of variables: among those may be an account's credentials.
text_line = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
json_line = structlog.processors.JSONRenderer(serializer=as_json)


class JsonHandler(logging.StreamHandler[Any]):
    """Writes lines of JSON, also about one that can't be made."""

    def handleError(self, record: logging.LogRecord) -> None:
        words = "A line of the log could not be written."
        say_raw(words, level="error", logger=record.name, at=f"{record.pathname}:{record.lineno}")


def say_raw(event: str, **fields: Any) -> None:
    """A line past all loggers, for where these can't be used: in signal handlers, say."""
    line = as_json({"event": event, "timestamp": datetime.now(UTC).isoformat(), **fields})
    os.write(2, f"{line}\n".encode())


def write_all_as_json() -> None:
    """What would be printed becomes lines of the log."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda died: _log_uncaught(died.exc_type, died.exc_value, died.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, SystemExit | KeyboardInterrupt):
        return
    caught = (kind, error or kind(), trace)
    logging.getLogger("syncdeck").critical("Nobody caught this.", exc_info=caught)
