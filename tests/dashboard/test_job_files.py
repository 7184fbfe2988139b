"""Definitions of jobs as files: exported, and imported after a look at what that would change."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs.definition_text import definition_text
from runs.models import Environment, Integration, SyncJob, User
from runs.services import delete_job, save_job
from tests import factories

TEXT = "label: Places\nintegration_name: geo\nresources:\n  - resource: countries\n    method: list\n"


@pytest.fixture
def values(environment: Environment) -> dict[str, Any]:
    factories.integration()
    return {"environment": str(environment.pk), "text": TEXT}


def sent_on(preview: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What the form below the preview sends."""
    return {**values, "seen": preview.context["seen"], "confirmed": "on", "text": preview.context["text"]}


class TestExport:
    def test_is_a_file_named_after_the_job(self, viewer: Client) -> None:
        job = factories.job(label="Größe, & <more>\r\nodd")
        answer = viewer.get(f"/jobs/{job.pk}/definition.yaml")
        assert answer.headers["Content-Type"] == "application/yaml; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="groe-more-odd.yaml"'
        job.refresh_from_db()
        assert answer.content.decode() == definition_text(job)

    def test_has_a_name_where_the_label_gives_none(self, viewer: Client) -> None:
        job = factories.job(label="工作")
        assert 'filename="job.yaml"' in viewer.get(f"/jobs/{job.pk}/definition.yaml").headers["Content-Disposition"]

    def test_is_imported_as_nothing_new(self, editor: Client, values: dict[str, Any]) -> None:
        job = factories.job(integration=Integration.objects.get(), args_schema={"a": {"type": "string"}})
        exported = editor.get(f"/jobs/{job.pk}/definition.yaml").content.decode()
        answer = editor.post("/jobs/import/", {**values, "text": exported})
        assert answer.context["is_same"] is True
        assert "There is nothing to change" in answer.content.decode()


class TestImport:
    def test_shows_first_and_makes_the_job_once_confirmed(self, editor: Client, values: dict[str, Any]) -> None:
        preview = editor.post("/jobs/import/", values)
        assert (preview.status_code, preview.context["present"]) == (200, None)
        assert not SyncJob.objects.exists()
        answer = editor.post("/jobs/import/", sent_on(preview, values))
        job = SyncJob.objects.get()
        assert answer.url == f"/jobs/{job.pk}/"
        assert (job.label, job.integration.name, len(job.resources)) == ("Places", "geo", 1)

    def test_shows_what_would_change_of_the_job_with_its_label(self, editor: Client, values: dict[str, Any]) -> None:
        job = factories.job(label="Places", integration=Integration.objects.get())
        preview = editor.post("/jobs/import/", values)
        assert preview.context["present"] == job
        assert ("removed", "    persist: true") in [(line.kind, line.text) for line in preview.context["diff"]]
        editor.post("/jobs/import/", sent_on(preview, values))
        job.refresh_from_db()
        assert job.resources == [{"resource": "countries", "method": "list"}]
        assert SyncJob.objects.count() == 1

    def test_stores_nothing_when_the_job_is_no_longer_as_shown(self, editor: Client, values: dict[str, Any]) -> None:
        job = factories.job(label="Places", integration=Integration.objects.get())
        preview = editor.post("/jobs/import/", values)
        save_job(job.environment, {"default_runtime_version": 2}, job)
        answer = editor.post("/jobs/import/", sent_on(preview, values))
        assert answer.status_code == 409
        assert ("removed", "default_runtime_version: 2") in [(line.kind, line.text) for line in answer.context["diff"]]
        job.refresh_from_db()
        assert len(job.resources) == 2

    def test_stores_nothing_when_the_job_has_come_or_gone_meanwhile(
        self, editor: Client, values: dict[str, Any]
    ) -> None:
        preview = editor.post("/jobs/import/", values)
        job = factories.job(label="Places", integration=Integration.objects.get())
        assert editor.post("/jobs/import/", sent_on(preview, values)).status_code == 409
        preview = editor.post("/jobs/import/", values)
        delete_job(job)
        assert editor.post("/jobs/import/", sent_on(preview, values)).status_code == 409
        assert not SyncJob.objects.live().exists()

    def test_reads_a_file(self, editor: Client, values: dict[str, Any]) -> None:
        file = SimpleUploadedFile("job.yaml", TEXT.replace("\n", "\r\n").encode())
        preview = editor.post("/jobs/import/", {**values, "text": "", "file": file})
        assert preview.context["wanted"].label == "Places"
        assert editor.post("/jobs/import/", sent_on(preview, values)).status_code == 302

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 1_000_001, b"a: [", b"[]", b"label: x"])
    def test_refuses_files_that_are_none(self, editor: Client, values: dict[str, Any], content: bytes) -> None:
        file = SimpleUploadedFile("job.yaml", content)
        assert editor.post("/jobs/import/", {**values, "text": "", "file": file}).status_code == 400

    @pytest.mark.parametrize(
        ("text", "path"),
        [
            (TEXT.replace("geo", "nothing"), "integration_name"),
            (TEXT.replace("countries", "planets"), "resources.0.resource"),
            (TEXT.replace("label: Places\n", ""), "label"),
            (TEXT.replace("Places", "x" * 201), "label"),
            (TEXT + "colour: red\n", "colour"),
            (TEXT + "default_runtime_version: 7\n", "default_runtime_version"),
            (TEXT + "default_runtime_version: [1]\n", "default_runtime_version"),
            (TEXT.replace("geo", "[1]"), "integration_name"),
        ],
    )
    def test_tells_faults_by_their_paths(self, editor: Client, values: dict[str, Any], text: str, path: str) -> None:
        answer = editor.post("/jobs/import/", {**values, "text": text})
        assert answer.status_code == 400
        assert path in [fault.path for fault in answer.context["verdict"].faults]

    def test_takes_no_environment_of_others(self, editor: Client, values: dict[str, Any]) -> None:
        elsewhere = factories.environment("Elsewhere")
        factories.integration(environment=elsewhere)
        answer = editor.post("/jobs/import/", {**values, "environment": str(elsewhere.pk), "confirmed": "on"})
        assert answer.status_code == 400
        assert not SyncJob.objects.exists()

    def test_changes_nothing_for_those_who_may_only_make_new_ones(self, editor: Client, values: dict[str, Any]) -> None:
        User.objects.get(username="edda").user_permissions.filter(codename="change_syncjob").delete()
        factories.job(label="Places", integration=Integration.objects.get())
        assert editor.post("/jobs/import/", values).status_code == 403

    def test_is_a_page_of_its_own(self, editor: Client, values: dict[str, Any]) -> None:
        assert 'type="file"' in editor.get("/jobs/import/").content.decode()
