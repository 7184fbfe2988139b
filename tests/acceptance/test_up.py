"""`manage.py up`: one process that brings up all the others, and takes them with it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import httpx2
import pytest

from runs.addresses import any_free_port
from tests.acceptance.deck import Prepared, embedded_environment
from tests.processes import Process, Processes, children_of, is_running, kill, processes, wait_until


@pytest.fixture
def port() -> int:
    return any_free_port()


@pytest.fixture
def started(tmp_path: Path, port: int) -> Iterator[Processes]:
    with processes(tmp_path, embedded_environment(tmp_path / "data", port)) as found:
        yield found


@pytest.fixture
def known(prepared: Prepared, tmp_path: Path) -> None:
    """It is not the first start."""
    copytree(prepared.data_dir, tmp_path / "data")


def ready(port: int) -> dict[str, object] | None:
    """The answer of /readyz once everything, a daemon too, is there."""
    try:
        answer = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    except httpx2.TransportError:
        return None
    body: dict[str, object] = json.loads(answer.text)
    return body if answer.is_success and body["daemon_heartbeat_age_seconds"] is not None else None


def bring_up(started: Processes, port: int) -> tuple[Process, list[int]]:
    """The supervisor and its children's ids, once the installation works."""
    supervisor = started.manage("up", "--port", str(port))
    wait_until(lambda: ready(port), 60, f"readiness ({supervisor.log_file})")
    return supervisor, children_of(supervisor.pid)


def test_from_an_empty_directory_it_ends_within_ten_seconds_and_leaves_no_child(started: Processes, port: int) -> None:
    supervisor, children = bring_up(started, port)
    assert len(children) == 3
    supervisor.says(f"Open http://127.0.0.1:{port}/ ")
    assert "[queues]" not in supervisor.log()

    supervisor.signal(signal.SIGTERM)

    assert supervisor.wait(10) == 0, supervisor.log()
    assert not any(is_running(child) for child in children)


@pytest.mark.usefixtures("known")
def test_its_children_end_with_it_even_when_it_is_killed(started: Processes, port: int) -> None:
    supervisor, children = bring_up(started, port)

    supervisor.kill()

    wait_until(lambda: not any(is_running(child) for child in children), 10, "the end of all children")


@pytest.mark.usefixtures("known")
def test_it_starts_a_child_again_that_has_died(started: Processes, port: int) -> None:
    supervisor, children = bring_up(started, port)

    for child in children:
        kill(child)

    wait_until(lambda: len(set(children_of(supervisor.pid)) - set(children)) == 3, 20, "three new children")
    wait_until(lambda: ready(port), 30, "readiness")


@pytest.mark.usefixtures("known")
def test_a_port_in_use_is_one_clear_sentence(started: Processes, port: int) -> None:
    bring_up(started, port)

    for command in ("up", "serve"):
        second = started.run(command, "--port", str(port))
        assert second.returncode == 1
        assert second.stderr == (
            f"CommandError: 127.0.0.1:{port} is in use: choose another port with --port (make demo PORT=8001).\n"
        )
