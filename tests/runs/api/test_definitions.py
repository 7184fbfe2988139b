"""Integrations, accounts and jobs by the API: made, changed, removed."""

from __future__ import annotations

import pytest

from runs.models import IntegratedAccount, Integration, SyncJob, SyncJobRun, UnifiedMapping
from tests import factories
from tests.runs.api.program import Program, failure_paths

pytestmark = pytest.mark.django_db


class TestIntegration:
    def test_it_is_made_changed_and_removed(self, program: Program) -> None:
        config = factories.integration_config()
        made = program.post("/integration", {"name": "geo", "config": config})
        assert made.status_code == 201
        path = f"/integration/{made.json()['id']}"
        assert program.patch(path, {"label": "Geography", "category": None}).json()["label"] == "Geography"
        assert program.get(path).json()["config"] == config
        assert program.delete(path).json() == {"id": made.json()["id"]}
        assert program.get(path).status_code == 404
        assert program.get("/integration").json()["result"] == []

    def test_a_name_is_taken_once(self, program: Program) -> None:
        factories.integration()
        again = program.post("/integration", {"name": "geo", "config": factories.integration_config()})
        assert failure_paths(again) == ["name"]

    def test_every_fault_of_the_config_is_listed(self, program: Program) -> None:
        paths = failure_paths(program.post("/integration", {"config": {"pagination": {"format": "magic"}}}))
        assert "name" in paths
        assert any(path.startswith("config.") for path in paths)
        assert not Integration.objects.exists()

    def test_one_that_a_live_run_uses_stays(self, program: Program, run: SyncJobRun) -> None:
        response = program.delete(f"/integration/{run.sync_job.integration_id}")
        assert failure_paths(response) == ["id"]
        assert str(run.id) in response.json()["message"]


class TestAccount:
    def test_it_is_made_with_credentials_that_never_come_back(self, program: Program) -> None:
        factories.integration()
        body = {"integration_name": "geo", "tenant_id": "acme", "context": {"token": "c4nary"}}
        made = program.post("/integrated-account", body)
        assert made.status_code == 201
        assert made.json()["status"] == "active"
        path = f"/integrated-account/{made.json()['id']}"
        changed = program.patch(path, {"context": {"region": "eu"}, "tenant_id": "globex"})
        assert changed.json()["tenant_id"] == "globex"
        assert IntegratedAccount.objects.get().context == {"token": "c4nary", "region": "eu"}
        for response in (made, changed, program.get(path), program.get("/integrated-account")):
            assert "c4nary" not in response.content.decode()

    def test_removing_it_stops_its_runs_and_keeps_them(self, program: Program, run: SyncJobRun) -> None:
        path = f"/integrated-account/{run.integrated_account_id}"
        assert program.delete(path).json() == {"id": str(run.integrated_account_id)}
        assert program.get(path).status_code == 404
        assert program.get(f"/sync-job-run/{run.id}").json()["status"] == "stopped"
        assert IntegratedAccount.objects.get().context == {}


class TestJob:
    def test_it_is_made_changed_and_removed(self, program: Program) -> None:
        factories.integration()
        body = {"integration_name": "geo", "label": "Geo", "resources": factories.COUNTRIES_AND_CITIES}
        made = program.post("/sync-job", body)
        assert made.status_code == 201
        path = f"/sync-job/{made.json()['id']}"
        changed = program.patch(path, {"default_runtime_version": 2, "integration_name": "other", "id": "x"}).json()
        assert (changed["default_runtime_version"], changed["integration_name"], changed["label"]) == (2, "geo", "Geo")
        cleared = program.patch(path, {"default_runtime_version": None, "label": None}).json()
        assert (cleared["default_runtime_version"], cleared["label"]) == (None, "Geo")
        assert program.delete(path).json() == {"id": made.json()["id"]}
        assert program.get(path).status_code == 404

    def test_every_fault_of_it_is_listed(self, program: Program) -> None:
        factories.integration()
        body = {
            "integration_name": "geo",
            "resources": [
                {"resource": "planets", "method": "list"},
                {"resource": "cities", "method": "list", "depends_on": "x"},
            ],
            "default_runtime_version": 3,
        }
        paths = failure_paths(program.post("/sync-job", body))
        assert paths == ["default_runtime_version", "resources.0.resource", "resources.1.depends_on"]
        assert not SyncJob.objects.exists()

    def test_one_that_a_live_run_uses_stays(self, program: Program, run: SyncJobRun) -> None:
        assert failure_paths(program.delete(f"/sync-job/{run.sync_job_id}")) == ["id"]


class TestMapping:
    body = {
        "model": "geo",
        "resource": "places",
        "method": "list",
        "integration": "geo",
        "config": {"resource": "countries", "response_mapping": "{'id': response.iso}"},
    }

    def test_it_is_made_changed_and_removed(self, program: Program) -> None:
        integration = factories.integration()
        made = program.post("/unified-mapping", self.body)
        assert made.status_code == 201
        assert {key: made.json()[key] for key in self.body} == self.body
        assert made.json()["integration_id"] == str(integration.id)
        path = f"/unified-mapping/{made.json()['id']}"
        override = {"response_mapping": "{'id': response.iso, 'n': 1}"}
        assert program.patch(path, {"override": override}).json()["override"] == override
        assert program.get(path).json() == program.get("/unified-mapping?integration=geo&model=geo").json()["result"][0]
        assert program.delete(path).json() == {"id": made.json()["id"]}
        assert program.get(path).status_code == 404
        assert not UnifiedMapping.objects.exists()

    def test_the_integration_is_named_by_its_name_or_its_id(self, program: Program) -> None:
        integration = factories.integration()
        for number, named in enumerate(({"integration": str(integration.id)}, {"integration_name": "geo"})):
            body = {key: value for key, value in self.body.items() if key != "integration"}
            response = program.post("/unified-mapping", {**body, **named, "model": f"geo{number}"})
            assert (response.status_code, response.json()["integration"]) == (201, "geo")
        assert failure_paths(program.post("/unified-mapping", {**self.body, "integration": "mars"})) == ["integration"]
        assert failure_paths(program.post("/unified-mapping", {})) == ["integration", "method", "model", "resource"]

    def test_what_cannot_run_is_refused(self, program: Program) -> None:
        factories.integration()
        config = {"resource": "countries", "response_mapping": "{'id': "}
        response = program.post("/unified-mapping", {**self.body, "config": config})
        assert failure_paths(response) == ["config.response_mapping"]

    def test_those_of_a_removed_integration_are_not_shown(self, program: Program) -> None:
        mapping = factories.mapping()
        program.delete(f"/integration/{mapping.integration_id}")
        assert program.get("/unified-mapping").json()["result"] == []
