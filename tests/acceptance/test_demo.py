"""`make demo`, less the installation of its dependencies."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from runs.addresses import any_free_port, is_free
from tests.acceptance.deck import embedded_environment
from tests.processes import Process, Processes, children_of, is_running, processes, wait_until


def end(demo: Process) -> None:
    """Ctrl-C, after which nothing of it may be left within ten seconds."""
    children = children_of(demo.pid)
    demo.signal(signal.SIGINT)
    assert demo.wait(10) == 0, demo.log()
    assert len(children) == 4
    assert not any(is_running(child) for child in children)


def a_second_one_is_refused(started: Processes, address: str) -> None:
    for port in (any_free_port(), int(address.rpartition(":")[2])):
        second = started.run("demo", "--port", str(port))
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == f"CommandError: A demo runs in {started.environment['DATA_DIR']} already: {address}/\n"


def test_the_first_start_syncs_the_whole_dataset_and_the_second_finds_it(tmp_path: Path) -> None:
    port = any_free_port()
    with processes(tmp_path, embedded_environment(tmp_path / "data", port)) as started:
        first = started.manage("demo", "--port", str(port))
        first.says("completed:", limit=150)
        assert re.search(r"Login admin, password \S+ \(shown this once\)", first.log())
        assert "completed: 34,258 fetched, 34,258 persisted, 0 errors" in first.log()
        assert f"http://127.0.0.1:{port}/" in first.log()
        a_second_one_is_refused(started, f"http://127.0.0.1:{port}")
        first.kill()  # and leaves no lock

        wait_until(lambda: is_free("127.0.0.1", port), 15, "the end of the first one's children")
        second = started.manage("demo", "--port", str(port))
        second.says("Everything is up.", limit=60)
        assert "shown this once" not in second.log()
        end(second)

    assert "/countries?" in (tmp_path / "data" / "logs" / "sample-api.log").read_text()
