"""A line of the log is one line, whatever stands in it; and so is what no logger writes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client
from structlog.contextvars import get_contextvars

from dashboard.logs import JsonHandler, as_json
from tests import factories
from tests.runs.api.program import Program

ODD = [float("nan"), float("inf"), 2**70, "\ud800", "two\nlines\u2028", {1: {2}}, object, b"\xff"]
DYING = """
import threading, warnings, django
django.setup()
warnings.warn("Take care.", UserWarning)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("two\\nlines")
"""


@pytest.mark.parametrize("value", ODD)
def test_whatever_stands_in_it_the_line_is_json(value: Any) -> None:
    line = as_json({"event": value})
    assert len(line.splitlines()) == 1 or "\u2028" in line
    assert "\n" not in line
    assert "event" in json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_a_line_that_cannot_be_made_is_told_by_where_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    handler = JsonHandler()
    handler.handle(logging.makeLogRecord({"name": "odd", "msg": "%d", "args": ("x",), "pathname": "a.py", "lineno": 7}))
    told = json.loads(capfd.readouterr().err)
    assert (told["logger"], told["at"], told["level"]) == ("odd", "a.py:7", "error")


def test_warnings_and_what_nobody_caught_are_lines_too(tmp_path: Any) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATA_DIR": str(tmp_path),
        "LOG_FORMAT": "json",
    }
    done = subprocess.run([sys.executable, "-c", DYING], env=environment, capture_output=True, text=True, check=False)

    warning, in_thread, last = (json.loads(line) for line in done.stderr.splitlines())
    assert (warning["logger"], "Take care." in warning["event"]) == ("py.warnings", True)
    assert "ZeroDivisionError" in in_thread["exception"]
    assert last["exception"].endswith("ValueError: two\nlines")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.django_db
class TestRequestIds:
    def test_each_request_has_its_own(self, program: Program) -> None:
        first, second = (program.get("/sync-job").headers["X-Request-ID"] for _ in range(2))
        assert first != second

    def test_of_a_proxy_it_is_taken_and_of_nobody_else(self, client: Client, settings: Any) -> None:
        def told(sent: str) -> str:
            return str(client.get("/ping", headers={"X-Request-ID": sent}).headers["X-Request-ID"])

        assert told("from-outside") != "from-outside"
        settings.BEHIND_PROXY = True
        assert told("from-the-proxy") == "from-the-proxy"
        assert told("two words") != "two words"
        assert told("x" * 101) != "x" * 101

    def test_nothing_is_left_behind(self, program: Program) -> None:
        program.get("/sync-job")
        assert get_contextvars() == {}


@pytest.fixture
def program(environment: Any) -> Program:
    return Program(factories.token(environment))
