"""The repository keeps its own promises: what the README says is there, and nothing that should not be."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP = {
    *(".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"),
    *("dashboard", "manage.py", "pyproject.toml", "requirements.lock", "requirements-test.lock"),
    *(".dockerignore", "compose.yaml", "Dockerfile", "Procfile"),
    *("runs", "static", "templates", "tests"),
}
LOCKS = ("requirements.lock", "requirements-test.lock")
CHECKS = (
    "ruff check",
    "ruff format --check",
    "mypy",
    "lint-imports",
    "manage.py makemigrations --check",
    "manage.py check --deploy --fail-level WARNING",
)
# Put together here, so that this file does not find itself.
FOLDERS = [f"/{name}/" + r"\w" for name in ("work", "root", "home", "opt")]
FOREIGN = re.compile("|".join([*FOLDERS, "pypi" + r"\.\w", "python" + "hosted"]))


@cache
def committed() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text_of(name), re.MULTILINE))


def test_nothing_unexpected_lies_at_the_top() -> None:
    assert {name.partition("/")[0] for name in committed()} <= TOP


def test_no_committed_file_names_a_machines_folder_or_a_registry() -> None:
    found = {name: match.group() for name in committed() if (match := FOREIGN.search(text_of(name)))}

    assert found == {}


def test_every_make_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text_of("README.md"), re.MULTILINE))

    assert named <= make_targets()
    assert {"setup", "demo", "test", "lint", "bench", "lock"} <= named


def test_every_command_and_every_setting_is_in_the_readme() -> None:
    commands = {path.stem for path in ROOT.glob("*/management/commands/[!_]*.py")}
    settings = set(re.findall(r'\b(?:env\.\w+|number|hosts|keys)\(\s*"([A-Z_]+)"', text_of("dashboard/settings.py")))
    readme = text_of("README.md")

    assert {name for name in commands if f"manage.py {name}" not in readme} == set()
    assert {name for name in settings if f"`{name}`" not in readme} == set()


def test_ci_runs_the_readmes_test_command_and_nothing_else() -> None:
    lines = [line for line in text_of(".ci/run").splitlines() if line and not line.startswith("#")]

    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]


@pytest.mark.parametrize("check", CHECKS)
def test_the_test_command_includes(check: str) -> None:
    recipe = subprocess.run(["make", "--dry-run", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert check in recipe
    assert re.search(r"^test:.*\blint\b", text_of("Makefile"), re.MULTILINE)


def test_the_locks_hold_every_declared_dependency_and_agree() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    core, tests = (locked(name) for name in LOCKS)

    assert names(project["dependencies"] + extras["demo"]) <= core.keys()
    assert names(extras["test"]) <= tests.keys()
    assert core.items() <= tests.items()


def test_every_locked_package_has_its_hashes() -> None:
    for lock in LOCKS:
        for entry in re.split(r"^(?=[a-z0-9])", text_of(lock), flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    declared = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]

    assert [line for line in declared if not re.search(r">=.+,<", line)] == []


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[><=]", line)[0].lower() for line in requirements}


def test_only_one_module_takes_the_frameworks_clock_of_the_database() -> None:
    users = {name for name in committed() if re.search(r"functions import .*\bNow\b", text_of(name))}

    assert users - {"tests/test_house.py"} == {"runs/models/base.py"}


def test_only_the_guarded_ways_lead_out() -> None:
    """Whoever else opens a connection asks no guard. The tour of the demo asks our own web process, and the client
    is at home on other machines."""
    opening = re.compile(
        r"\bhttpx2\.(?:Client|AsyncClient|get|post|request|stream)\b|\bhttpcore2\.(?:HTTPConnection|ConnectionPool)\("
        r"|\burllib\.request\b|\burlopen\b|\bhttp\.client\b|\bcreate_connection\b|\bimport requests\b"
    )
    product = [name for name in committed() if name.startswith(("dashboard/", "runs/")) and name.endswith(".py")]

    assert {name for name in product if opening.search(text_of(name))} == {
        "runs/client/wire.py",
        "runs/connectors/receiver.py",
        "runs/connectors/transport.py",
        "runs/management/tour.py",
    }
