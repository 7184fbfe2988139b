"""What a host is told to run is what runs: Procfile, container, compose and systemd say the same, and it starts."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runs.addresses import any_free_port
from tests.acceptance.deck import Prepared, embedded_environment
from tests.processes import PROJECT, Processes, processes

READY = {"web": "Serving", "daemon": " ready.", "scheduler": "beat: Starting"}
UNITS = sorted((PROJECT / "runs/ops").glob("*.service"))


def text(name: str) -> str:
    return (PROJECT / name).read_text()


def procfile() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text("Procfile").splitlines())


def usual(command: str) -> str:
    """With what stands behind `:-` for each variable."""
    return re.sub(r"\$\{\w+:-(\w+)\}", r"\1", command)


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(text("compose.yaml"))["services"]
    return services


@pytest.fixture
def host(prepared: Prepared, tmp_path: Path) -> Iterator[Processes]:
    """An installation on which the commands of the Procfile find what they name."""
    data_dir = shutil.copytree(prepared.data_dir, tmp_path / "data")
    port = any_free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with processes(data_dir, {**embedded_environment(data_dir, port), "PORT": str(port), "PATH": path}) as started:
        yield started


def test_the_procfile_releases(host: Processes) -> None:
    released = host.start("sh", "-c", procfile()["release"], name="release")
    assert released.wait(60) == 0, released.log()


@pytest.mark.parametrize("name", READY)
def test_each_command_of_the_procfile_starts(name: str, host: Processes) -> None:
    process = host.start("sh", "-c", f"exec {procfile()[name]}", name=name)
    process.says(READY[name])
    process.ask_to_end()
    process.wait(20)


def test_compose_runs_what_the_procfile_says() -> None:
    services = compose()
    assert {*procfile()} - {"release"} < services.keys()
    for name in READY:
        assert shlex.join(services[name]["command"]) == usual(procfile()[name])
    assert shlex.join(services["migrate"]["command"]) == procfile()["release"]


def test_compose_sets_nothing_that_is_no_setting() -> None:
    known = set(re.findall(r"`([A-Z_]+)`", text("README.md")))
    assert {*compose()["web"]["environment"]} <= known


def test_whoever_answers_no_health_check_has_none() -> None:
    assert [name for name in ("migrate", *READY) if "healthcheck" not in compose()[name]] == ["web"]


def test_the_image_runs_the_web_by_itself_and_as_nobody() -> None:
    lines = text("Dockerfile").splitlines()
    [command] = [line for line in lines if line.startswith("CMD ")]
    assert shlex.join(yaml.safe_load(command.removeprefix("CMD "))) == usual(procfile()["web"])
    assert "USER syncdeck" in lines


def test_what_the_image_holds_is_enough(tmp_path: Path) -> None:
    """Copied as the Dockerfile does it, and nothing else, the installation checks itself."""
    copied = [
        line.split()[1] for line in text("Dockerfile").splitlines() if re.match(r"COPY (?!--|requirements)", line)
    ]
    let_in = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    assert {*copied, "requirements.lock"} == let_in
    for name in copied:
        source = PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    command = [sys.executable, "manage.py", "check"]
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_what_the_procfile_says_and_is_well_formed(unit: Path) -> None:
    [command] = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    [name] = [name for name in READY if name in unit.name]
    own = {"/srv/syncdeck/.venv/bin/": "", "--group %i": "--group default", "--host 127.0.0.1": "--host 0.0.0.0"}
    for here, there in own.items():
        command = command.replace(here, there)
    assert command == usual(procfile()[name])
    if shutil.which("systemd-analyze"):
        verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        faults = [
            line for line in verified.stderr.splitlines() if "is not executable" not in line
        ]  # it is not installed
        assert faults == []
