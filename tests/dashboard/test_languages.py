"""Pages in the language that somebody has chosen or that their browser asks for; programs always read English."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from runs.models import BulkAction, BulkKind, RunStatus, SyncJobRun
from runs.services.audit import note
from tests import factories
from tests.dashboard import states

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-CH,de;q=0.9,en;q=0.8"}
LOCALE = settings.BASE_DIR / "dashboard" / "locale"
CATALOGUES = sorted(LOCALE.rglob("*.po"))
NAMED = [str(path.relative_to(LOCALE)) for path in CATALOGUES]
_PLACEHOLDER = re.compile(r"%\(\w+\)s|%s|\{[^}]*\}|</?\w+[^>]*>|`[^`]*`")


def shown(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, **headers)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


class TestWhichLanguage:
    def test_english_unless_asked_otherwise(self, operator: Client) -> None:
        page = shown(operator, "/runs/")
        assert '<html lang="en"' in page
        assert "<h1>Runs</h1>" in page

    def test_what_the_browser_asks_for(self, operator: Client) -> None:
        page = shown(operator, "/runs/", **GERMAN)
        assert '<html lang="de"' in page
        assert "<h1>Läufe</h1>" in page

    def test_english_for_a_language_that_there_is_no_catalogue_of(self, operator: Client) -> None:
        assert '<html lang="en"' in shown(operator, "/runs/", HTTP_ACCEPT_LANGUAGE="xx,fr;q=0.9,../../etc")

    def test_what_is_chosen_in_the_settings_counts_more(self, operator: Client) -> None:
        operator.post("/look/", {"language": "de"})
        assert '<html lang="de"' in shown(operator, "/settings/")
        operator.post("/look/", {"language": "en"})
        assert '<html lang="en"' in shown(operator, "/settings/", **GERMAN)
        operator.post("/look/", {"language": "auto"})
        assert '<html lang="de"' in shown(operator, "/settings/", **GERMAN)

    def test_a_choice_that_there_is_not_is_none(self, operator: Client) -> None:
        operator.post("/look/", {"language": "../../etc/passwd"})
        assert "language" not in operator.cookies

    def test_the_login_and_an_error_page_too(self, client: Client, operator: Client) -> None:
        assert "Anmelden" in shown(client, "/login/", **GERMAN)
        missing = operator.get("/no/such/page/", **GERMAN)  # type: ignore[arg-type]
        assert '<html lang="de"' in missing.content.decode()


class TestProgramsReadEnglish:
    def test_whatever_they_ask_for(self, client: Client, run: SyncJobRun) -> None:
        token = factories.token(run.environment)
        asked = {"HTTP_AUTHORIZATION": f"Bearer {token}", **GERMAN}
        german = client.post("/sync-job", b"{}", content_type="application/json", **asked)  # type: ignore[arg-type]
        english = client.post(
            "/sync-job", b"{}", content_type="application/json", headers={"authorization": f"Bearer {token}"}
        )
        assert german.status_code == 400
        assert german.json() == english.json()

    def test_what_a_reader_of_german_does_is_stored_in_english(self, operator: Client, run: SyncJobRun) -> None:
        answer = operator.post(f"/runs/{run.pk}/stop/", {"reason": "Wartung"}, **GERMAN)  # type: ignore[arg-type]
        assert answer.status_code == 302
        told = " ".join(run.events.values_list("message", flat=True))
        assert "Stop" in told
        assert not re.search(r"[Gg]estoppt|Lauf", told), told

    def test_so_is_what_the_audit_list_calls_a_thing(self, db: None) -> None:
        with translation.override("de"):
            noted = note("bulk.create", BulkAction(kind=BulkKind.RERUN, run_count=2))
        assert noted.target_label == "Rerun: 2 runs"


def test_times_and_numbers_of_a_page_are_in_its_language(operator: Client, run: SyncJobRun) -> None:
    states.ended(run, RunStatus.COMPLETED, fetched=1, persisted=1)
    page = shown(operator, f"/runs/{run.pk}/", **GERMAN)
    assert "Abgeschlossen" in page
    assert re.search(r'title="\d+\. \w+\.? \d{4} ', page), "a date as German has it"


class TestTheScriptsWords:
    def test_are_those_of_the_page(self, operator: Client) -> None:
        address = re.search(r'src="(/words/de\.js[^"]*)"', shown(operator, "/runs/", **GERMAN))
        assert address, "the page loads no words"
        assert "gerade eben" in shown(operator, address[1])
        assert "gerade eben" not in shown(operator, "/words/en.js", **GERMAN)

    def test_of_no_other_language(self, client: Client) -> None:
        assert client.get("/words/xx.js").status_code == 404


def translations(compiled: Path) -> dict[str | tuple[str, int], str]:
    with compiled.open("rb") as file:
        found: dict[str | tuple[str, int], str] = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in found.items() if key}


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogues as `make messages` would leave them, compiled."""
    if not shutil.which("xgettext"):
        pytest.skip("gettext's tools are missing; on Debian: apt-get install gettext")
    copy = tmp_path_factory.mktemp("words")
    for folder in ("dashboard", "runs", "templates", "static"):
        shutil.copytree(settings.BASE_DIR / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("manage.py", "Makefile", "pyproject.toml"):
        shutil.copy(settings.BASE_DIR / file, copy)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    command = ["make", "--assume-old=.venv/.installed", "messages"]
    environment = {**os.environ, "DATA_DIR": str(copy / "data"), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    told = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return copy / "dashboard" / "locale"


@pytest.mark.parametrize("name", NAMED)
class TestTheCatalogue:
    def test_has_every_text_and_no_other(self, anew: Path, name: str) -> None:
        """After a text has been added or changed: `make messages`, translate it, `make messages`."""
        told = subprocess.run(
            ["msgfmt", "--statistics", "-o", os.devnull, str(anew / name)],
            env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert re.fullmatch(r"\d+ translated messages?\.", told.stderr.strip()), told.stderr

    def test_is_compiled_from_what_is_written(self, anew: Path, name: str) -> None:
        compiled = Path(name).with_suffix(".mo")
        assert translations(anew / compiled) == translations(LOCALE / compiled)

    def test_keeps_what_is_filled_in_and_every_tag(self, name: str) -> None:
        for key, text in translations((LOCALE / name).with_suffix(".mo")).items():
            original = (key if isinstance(key, str) else key[0]).rpartition("\x04")[2]
            assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(original)), original
