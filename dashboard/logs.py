"""How a log line looks: for people in a terminal, or as JSON for machines."""

from __future__ import annotations

import structlog

from runs.connectors import masked_value


def without_secrets(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Mask the line: the text of an exception may quote what a source said, or an address."""
    masked: structlog.typing.EventDict = masked_value(event)
    return masked


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
json_line = structlog.processors.JSONRenderer()
