"""A run's whole log as a file, written while it is read: memory stays that of a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Any

from runs.models import SyncJobRun
from runs.run_log import LogLine
from runs.wire import known_time, wire_bytes

MOST_BYTES = 256 * 1024 * 1024
PIECE = 64 * 1024
CUT = "The log goes on; this file is cut here because of its size."


def heading(run: SyncJobRun, zone: tzinfo) -> str:
    """The first line of a log as text. In English in every language, as the log is."""
    return f"Run {run.pk} · {run.integrated_account} · {run.sync_job.label} · times in {zone}"


def as_text(lines: Iterable[LogLine], heading: str, zone: tzinfo) -> Iterator[bytes]:
    """One line each, with times in this zone; what a line says beyond its first line is indented.

    A message can't pass for a line of the log: those begin with a time, and nothing else begins at the margin.
    """
    yield f"# {one_line(heading)}\n".encode()
    for line in lines:
        yield text_line(line, zone).encode()


def as_json(lines: Iterable[LogLine]) -> Iterator[bytes]:
    """One JSON object each."""
    for line in lines:
        yield wire_bytes(line_payload(line)) + b"\n"


def capped(parts: Iterable[bytes], cut: bytes, most: int = MOST_BYTES) -> Iterator[bytes]:
    """The parts joined to larger pieces; cut with `cut` as the last line where they would be more than `most`."""
    piece, sent = bytearray(), 0
    for part in parts:
        if sent + len(piece) + len(part) > most:
            piece += cut + b"\n"
            break
        piece += part
        if len(piece) >= PIECE:
            sent += len(piece)
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def text_line(line: LogLine, zone: tzinfo) -> str:
    """`2026-11-25 23:37:19.123+00:00  ERROR    cities list DE-1 http_error 502: the message`."""
    told = [line.message, line.url, line.excerpt]
    first, *rest = "\n".join(text for text in told if text).splitlines() or [""]
    about = [line.resource, line.method, line.record_id, line.code, line.status_code or ""]
    subject = " ".join(one_line(str(part)) for part in about if part)
    said = f"{subject}: {first}" if subject else first
    return "\n    ".join([f"{_moment(line.created_at, zone)}  {line.severity.upper():<7}  {said}", *rest]) + "\n"


def line_payload(line: LogLine) -> dict[str, Any]:
    """The line as JSON; what only errors have is told of errors only."""
    told: dict[str, Any] = {
        "id": line.id,
        "created_at": known_time(line.created_at),
        "severity": line.severity,
        "kind": line.kind,
        "message": line.message,
    }
    if not line.is_record_error:
        return told | {"actor": line.actor or None}
    return told | {
        "resource": line.resource,
        "method": line.method,
        "record_id": line.record_id or None,
        "code": line.code,
        "status_code": line.status_code,
        "url": line.url or None,
        "excerpt": line.excerpt or None,
        "fingerprint": line.fingerprint,
        "is_quarantine": line.is_quarantine,
    }


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def _moment(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(sep=" ", timespec="milliseconds")
