"""The log as a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from runs.log_export import as_json, as_text, capped
from runs.run_log import RECORD_ERROR, LogLine, Severity

NOON = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)


def line(message: str, **over: object) -> LogLine:
    values = {"id": uuid4(), "created_at": NOON, "severity": Severity.INFO, "kind": "started", "message": message}
    return LogLine(**{**values, **over})


def failed(message: str, **over: object) -> LogLine:
    told = {"resource": "cities", "method": "list", "record_id": "DE-1", "code": "http_error", "status_code": 502}
    return line(message, **{"kind": RECORD_ERROR, "severity": Severity.ERROR, **told, **over})


def text(*lines: LogLine, zone: str = "UTC") -> list[str]:
    return b"".join(as_text(lines, "a run", ZoneInfo(zone))).decode().splitlines()


def test_a_line_has_time_severity_and_words() -> None:
    assert text(line("Taken by d1.")) == ["# a run", "2026-11-24 12:00:00.123+00:00  INFO     Taken by d1."]


def test_times_are_in_the_readers_zone_and_say_so() -> None:
    assert text(line("x"), zone="Europe/Berlin")[1].startswith("2026-11-24 13:00:00.123+01:00")


def test_an_error_tells_where_it_happened() -> None:
    assert text(failed("Bad Gateway"))[1].endswith("ERROR    cities list DE-1 http_error 502: Bad Gateway")


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x85"])
def test_no_message_can_pass_for_a_line(breaks: str) -> None:
    forged = f"first{breaks}2026-11-24 12:00:00.123+00:00  INFO     forged"
    lines = text(failed(forged, excerpt=forged, record_id=forged))
    assert len([found for found in lines if found.startswith("2026")]) == 1


def test_a_json_line_is_one_object() -> None:
    told = [json.loads(part) for part in as_json([line("Taken by d1.", actor="d1"), failed("a\nb")])]
    assert told[0].keys() == {"id", "created_at", "severity", "kind", "message", "actor"}
    assert told[0]["created_at"] == "2026-11-24T12:00:00.123Z"
    assert (told[1]["kind"], told[1]["message"], told[1]["status_code"]) == ("record_error", "a\nb", 502)
    assert told[1]["url"] is None


def test_a_file_that_would_be_too_long_says_that_it_is_cut() -> None:
    told = b"".join(capped([b"12345\n"] * 10, b"# cut", most=25))
    assert told == b"12345\n" * 4 + b"# cut\n"


def test_a_file_that_just_fits_is_whole() -> None:
    assert b"".join(capped([b"12345\n"] * 4, b"# cut", most=24)) == b"12345\n" * 4
