"""Jobs as they are written: checked while one types, saved, not lost to somebody faster, and deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from runs.definition_text import body_text
from runs.models import SyncJob, SyncJobRun
from runs.services import delete_job, save_job
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX

BODY = "resources:\n  - resource: countries\n    method: list\n"
FAULTY = f"{BODY}  - resource: planets\n    method: list\n    depends_on: x\n"


@pytest.fixture
def job(environment: object) -> SyncJob:
    return factories.job()


def address_of(job: SyncJob, part: str = "edit/") -> str:
    return f"/jobs/{job.pk}/{part}"


def filled(job: SyncJob, **over: Any) -> dict[str, Any]:
    """The form as the page of this job has it."""
    values = {"label": job.label, "definition": body_text(job), "seen": job.updated_at.isoformat(), "job": str(job.pk)}
    return {**values, "default_runtime_version": job.default_runtime_version or "", **over}


def faults(answer: Any) -> list[tuple[str, int | None]]:
    return [(fault.path, fault.line) for fault in answer.context["verdict"].faults]


class TestRights:
    def test_readers_get_the_definition_to_read(self, viewer: Client, job: SyncJob) -> None:
        page = viewer.get(address_of(job)).content.decode()
        assert "resource: countries" in page
        assert "<textarea" not in page
        assert viewer.post(address_of(job), filled(job)).status_code == 403

    @pytest.mark.parametrize("path", ["/jobs/new/", "/jobs/import/", "/jobs/check/"])
    def test_readers_make_none(self, viewer: Client, operator: Client, job: SyncJob, path: str) -> None:
        assert [client.post(path, {"definition": BODY}).status_code for client in (viewer, operator)] == [403, 403]

    def test_readers_delete_none(self, viewer: Client, job: SyncJob) -> None:
        assert viewer.get(address_of(job, "delete/")).status_code == 403
        assert viewer.post(address_of(job, "delete/")).status_code == 403
        assert SyncJob.objects.live().exists()

    def test_a_job_of_another_environment_is_neither_checked_nor_changed(self, editor: Client, job: SyncJob) -> None:
        SyncJob.objects.update(environment=factories.environment("Elsewhere"))
        for path in (address_of(job), address_of(job, "delete/"), "/jobs/check/"):
            assert editor.post(path, filled(job)).status_code == 404


class TestCheck:
    def check(self, client: Client, **values: Any) -> Any:
        return client.post("/jobs/check/", values, headers=HTMX)

    def test_tells_each_fault_with_its_line_and_draws_what_can_be_made_out(self, editor: Client, job: SyncJob) -> None:
        answer = self.check(editor, **filled(job, definition=FAULTY))
        assert answer.status_code == 200
        assert faults(answer) == [("resources.1.resource", 4), ("resources.1.depends_on", 6)]
        page = answer.content.decode()
        assert "<html" not in page
        assert 'data-line="6"' in page
        assert page.count('class="node is-proxy"') == 2

    def test_says_that_it_is_sound_and_stores_nothing(self, editor: Client, job: SyncJob) -> None:
        answer = self.check(editor, **filled(job, definition=BODY, label="Other"))
        assert "Sound." in answer.content.decode()
        job.refresh_from_db()
        assert (job.label, len(job.resources)) == ("Countries and cities", 2)

    def test_tells_what_the_integration_offers(self, editor: Client, job: SyncJob) -> None:
        page = self.check(editor, label="x", definition=BODY, integration=str(job.integration_id)).content.decode()
        assert "<code>countries</code>" in page

    def test_of_a_new_job_waits_for_its_integration(self, editor: Client) -> None:
        answer = self.check(editor, label="x", definition=BODY)
        assert faults(answer) == [("integration", None)]
        assert [line.planned.entry.name for line in answer.context["verdict"].plan.lines] == ["countries"]

    def test_reads_json_as_well(self, editor: Client, job: SyncJob) -> None:
        text = '{\n\t"resources": [{"resource": "countries", "method": "list"}]\n}'
        assert faults(self.check(editor, **filled(job, definition=text))) == []

    @pytest.mark.parametrize(
        "text",
        [
            "", "\0", "a: [", "{{x}}", "- 1", "x", "[" * 5000, "resources: 1", "resources: [1, [2], {3: 4}]",
            "args_schema: []\nresources: {}", "args_schema: {a: {type: colour}}",
            "resources: [{resource: {}, method: []}]", "label: x",
            "resources: [{type: transform, name: x, depends_on: x, config: {expression: '$('}}]",
            "resources: [{resource: a, method: list, loop_on: [], recurse: 1, delete_tracking: 2, query: 3, id: {}}]",
            "a: &a [x, x]\nb: &b [*a, *a]\nresources: *b", "resources:\n- resource: countries\n  resource: cities",
            'resources: [{resource: countries, method: list, query: {a: "\\0"}}]',
        ],
        ids=lambda text: text[:30].replace("\0", "NUL"),
    )  # fmt: skip
    def test_answers_whatever_is_written_with_its_faults(self, editor: Client, job: SyncJob, text: str) -> None:
        answer = self.check(editor, **filled(job, definition=text))
        assert answer.status_code == 200
        assert faults(answer) != []

    @pytest.mark.parametrize(
        "odd", [{"job": "odd"}, {"integration": "odd"}, {"default_runtime_version": "9"}, {"label": "x" * 201}]
    )
    def test_takes_odd_fields_for_faults(self, editor: Client, job: SyncJob, odd: dict[str, str]) -> None:
        values = {"label": "x", "definition": BODY, "integration": str(job.integration_id), **odd}
        answer = self.check(editor, **values)
        assert answer.status_code == 200
        assert (faults(answer) == []) == ("job" in odd)

    def test_is_a_whole_page_without_htmx(self, editor: Client, job: SyncJob) -> None:
        answer = editor.post("/jobs/check/", filled(job, definition=FAULTY))
        page = answer.content.decode()
        assert (answer.status_code, "<html" in page, "resource: planets" in page) == (200, True, True)
        assert f'action="{address_of(job)}"' in page

    def test_of_a_very_long_text_is_left_to_saving(self, editor: Client, job: SyncJob) -> None:
        text = "# long\n" * 20_000 + FAULTY
        assert "Saving checks it" in self.check(editor, **filled(job, definition=text)).content.decode()
        assert editor.post(address_of(job), filled(job, definition=text)).status_code == 400

    def test_of_thousands_of_faults_shows_the_first(self, editor: Client, job: SyncJob) -> None:
        text = "resources:\n" + "  - {resource: nothing, method: list}\n" * 300
        answer = self.check(editor, **filled(job, definition=text))
        assert answer.content.decode().count("data-line=") == 100
        assert "And 200 more." in answer.content.decode()


class TestEditing:
    def test_begins_with_what_is_stored(self, editor: Client, job: SyncJob) -> None:
        answer = editor.get(address_of(job))
        assert "resource: countries" in answer.content.decode()
        assert answer.context["verdict"].faults == []

    def test_stores_what_was_written_and_goes_to_the_job(self, editor: Client, job: SyncJob) -> None:
        text = "args_schema:\n  slug: {type: string}\n" + BODY
        answer = editor.post(address_of(job), filled(job, definition=text, label="New", default_runtime_version="2"))
        assert answer.url == f"/jobs/{job.pk}/"
        job.refresh_from_db()
        assert (job.label, job.default_runtime_version) == ("New", 2)
        assert job.args_schema == {"slug": {"type": "string"}}
        assert job.resources == [{"resource": "countries", "method": "list"}]

    def test_keeps_the_text_as_it_came_through_a_browser(self, editor: Client, job: SyncJob) -> None:
        job.resources[0]["query"] = {"filter": "one\n  two\n", "sign": "é\u2028 😀"}
        job.save()
        editor.post(address_of(job), filled(job, definition=body_text(job).replace("\n", "\r\n")))
        before = job.resources
        job.refresh_from_db()
        assert job.resources == before

    def test_refuses_with_every_fault_and_keeps_what_was_typed(self, editor: Client, job: SyncJob) -> None:
        answer = editor.post(address_of(job), filled(job, definition=FAULTY, label=""))
        assert answer.status_code == 400
        assert [path for path, _ in faults(answer)] == ["label", "resources.1.resource", "resources.1.depends_on"]
        assert "resource: planets" in answer.content.decode()
        job.refresh_from_db()
        assert len(job.resources) == 2

    def test_leaves_the_integration_as_it_is(self, editor: Client, job: SyncJob) -> None:
        other = factories.integration(name="other")
        editor.post(address_of(job), filled(job, integration=str(other.pk)))
        job.refresh_from_db()
        assert job.integration.name == "geo"


class TestSomebodyFaster:
    @pytest.fixture
    def mine(self, job: SyncJob) -> dict[str, Any]:
        """The form as it was before somebody else has saved."""
        mine = filled(job, definition=BODY, label="Mine")
        save_job(job.environment, {"label": "Theirs"}, job)
        return mine

    def test_nothing_is_stored_and_both_versions_are_shown(
        self, editor: Client, job: SyncJob, mine: dict[str, Any]
    ) -> None:
        answer = editor.post(address_of(job), mine)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "− label: Theirs" in page  # noqa: RUF001
        assert "+ label: Mine" in page
        assert 'value="Mine"' in page
        job.refresh_from_db()
        assert job.label == "Theirs"

    def test_saving_again_puts_mine_in_the_place_of_theirs(
        self, editor: Client, job: SyncJob, mine: dict[str, Any]
    ) -> None:
        seen = editor.post(address_of(job), mine).context["form"]["seen"].value()
        assert editor.post(address_of(job), {**mine, "seen": seen}).status_code == 302
        job.refresh_from_db()
        assert (job.label, len(job.resources)) == ("Mine", 1)

    @pytest.mark.parametrize("seen", ["", "odd", "2026-11-26", "9999-12-31T23:59:59+00:00"])
    def test_a_form_that_does_not_say_what_it_has_seen_stores_nothing(
        self, editor: Client, job: SyncJob, seen: str
    ) -> None:
        assert editor.post(address_of(job), filled(job, seen=seen, label="Mine")).status_code == 409
        job.refresh_from_db()
        assert job.label == "Countries and cities"

    def test_what_was_deleted_meanwhile_is_not_there(self, editor: Client, job: SyncJob) -> None:
        mine = filled(job)
        delete_job(job)
        assert editor.post(address_of(job), mine).status_code == 404


class TestNew:
    def test_is_made_in_the_environment_of_its_integration(self, editor: Client, environment: Any) -> None:
        integration = factories.integration()
        values = {"label": "Places", "integration": str(integration.pk), "definition": BODY}
        answer = editor.post("/jobs/new/", values)
        job = SyncJob.objects.get()
        assert answer.url == f"/jobs/{job.pk}/"
        assert (job.environment, job.label, job.integration) == (environment, "Places", integration)

    def test_takes_no_integration_of_another_environment(self, editor: Client) -> None:
        elsewhere = factories.integration(environment=factories.environment("Elsewhere"))
        answer = editor.post("/jobs/new/", {"label": "x", "integration": str(elsewhere.pk), "definition": BODY})
        assert answer.status_code == 400
        assert not SyncJob.objects.exists()

    def test_needs_an_integration_first(self, editor: Client) -> None:
        assert "No integration to sync" in editor.get("/jobs/new/").content.decode()

    def test_begins_with_an_example(self, editor: Client) -> None:
        factories.integration()
        page = editor.get("/jobs/new/").content.decode()
        assert "resources:" in page
        assert 'class="faults"' not in page


class TestDeleting:
    def test_asks_first(self, editor: Client, job: SyncJob) -> None:
        page = editor.get(address_of(job, "delete/"), headers=HTMX).content.decode()
        assert "Delete this job?" in page
        assert "<html" not in page
        assert SyncJob.objects.live().exists()

    def test_removes_it_from_the_list_and_keeps_its_runs(self, editor: Client, run: SyncJobRun) -> None:
        states.failed(run)
        assert editor.post(address_of(run.sync_job, "delete/")).url == "/jobs/"
        assert not SyncJob.objects.live().exists()
        assert SyncJobRun.objects.exists()

    def test_is_refused_while_a_live_run_uses_it(self, editor: Client, run: SyncJobRun) -> None:
        answer = editor.post(address_of(run.sync_job, "delete/"), headers=HTMX)
        assert answer.status_code == 400
        assert f'href="/runs/{run.pk}/"' in answer.content.decode()
        assert SyncJob.objects.live().exists()

    def test_of_what_is_not_there_is_a_404(self, editor: Client) -> None:
        assert editor.post(f"/jobs/{uuid4()}/delete/").status_code == 404
