"""How a log line looks: for people in a terminal, or as JSON for machines."""

from __future__ import annotations

import structlog

shared: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# Tracebacks without the values of variables: among those may be an account's credentials.
text_line = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
json_line = structlog.processors.JSONRenderer()
