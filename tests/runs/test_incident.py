"""A run in one piece for somebody else: complete, and without its secrets."""

from __future__ import annotations

import json
import re

import pytest

from runs.incident import incident
from runs.incident_text import escaped, fenced, incident_text, table
from runs.models import Daemon, RecordError, RunStatus, SyncJobRun
from runs.wire import wire_bytes
from tests import factories
from tests.runs.test_comparison import again, completed, fetch

SECRET = "hunter2hunter2"


@pytest.fixture
def failed(run: SyncJobRun) -> SyncJobRun:
    """With a good run before it, and everything in it that a source could say."""
    fetch(completed(run), 0, 100)
    bad = completed(
        again(run, args={"api_key": SECRET, "region": "eu"}),
        status=RunStatus.FAILED,
        daemon_id="d1",
        error={"code": "http_error", "message": "```\n# Not a heading\n| a | <b>", "resource": "countries"},
    )
    fetch(bad, 0, 130)
    values = {"run": bad, "step": bad.steps.first(), "resource": "countries", "method": "list", "code": "http_error"}
    RecordError.objects.create(
        **values,
        message=f"````` \n## Forged\nAuthorization: Bearer {SECRET}",
        url=f"https://api.example.org/x?token={SECRET}",
        fingerprint="f",
    )
    Daemon.objects.create(
        daemon_id="d1", group_key="default", last_active_at=bad.created_at, metadata={"host": "eu1", "python": "3.11"}
    )
    return bad


def test_tells_facts_resources_comparison_error_log_and_versions(failed: SyncJobRun) -> None:
    told = json.loads(wire_bytes(incident(failed).payload()))
    assert told["run"]["id"] == str(failed.pk)
    assert told["run"]["error"]["code"] == "http_error"
    countries = told["resources"][0]
    assert (countries["name"], countries["fetched"]) == ("countries", {"now": 130, "last_good": 100, "change": 30})
    assert told["last_good_run"]["errors"][0]["now"] == 1
    assert {"path": "arguments.region", "now": "eu"} in told["last_good_run"]["differs_in"]
    assert told["log"][-1]["kind"] == "record_error"
    assert {"Syncdeck", "Python", "Django"} < told["versions"].keys()
    assert told["daemon"]["host"] == "eu1"


def test_of_a_run_without_a_good_one_before_says_so(run: SyncJobRun) -> None:
    assert incident(run).payload()["last_good_run"] is None
    assert "There is none before this one." in incident_text(incident(run))


def test_has_no_secret_in_either_form(failed: SyncJobRun) -> None:
    found = incident(failed)
    assert SECRET not in wire_bytes(found.payload()).decode()
    assert SECRET not in incident_text(found)


def test_no_text_leaves_its_cell_or_its_fence(failed: SyncJobRun) -> None:
    text = incident_text(incident(failed))
    outside = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ .*$", outside, flags=re.MULTILINE)
    assert [heading for heading in headings if "Forged" in heading or "Not a heading" in heading] == []
    assert "`" not in re.sub(r"\\`", "", outside)
    assert "<b>" not in outside


@pytest.mark.parametrize("text", ["a | b", "<script>", "[x](y)", "a\nb", "`x`", "a\\|b", "**b**", "$x$"])
def test_an_escaped_text_is_one_line_without_marks(text: str) -> None:
    assert "\n" not in escaped(text)
    assert re.search(r"(?<!\\)(?:\\\\)*[|`<>\[\]*$]", escaped(text)) is None


@pytest.mark.parametrize("inner", ["", "```", "a ````` b", "~~~"])
def test_a_fence_is_longer_than_any_in_the_text(inner: str) -> None:
    fence = fenced(inner).split("\n")[0]
    assert fence not in inner


def test_every_line_of_a_table_has_the_same_cells() -> None:
    lines = table(("a", "b"), [("x|y", None), ("1", 2)]).split("\n")
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


def test_of_another_account_name_with_marks_is_a_plain_heading(db: None) -> None:
    run = factories.run(account=factories.account(tenant_id="# <b>Acme</b>\n## x"))
    first = incident_text(incident(run)).split("\n")[0]
    assert first.startswith("# \\# \\<b\\>Acme")
