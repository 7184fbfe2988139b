"""What happens in an installation until each of its tables has rows, and its last daemon is killed in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
from werkzeug import Request, Response

from tests.acceptance.deck import Deck, countries_then_cities
from tests.acceptance.gate import Gate
from tests.factories import COUNTRIES_AND_CITIES
from tests.processes import wait_until
from tests.receiver import Receiver
from tests.sources import Source, countries_and_cities
from tests.upgrade.release import FIRST_WORD, PERSON, Facts

COUNTRIES, CITIES = 12, 2
BELOW = {"root": ["a", "b"], "a": ["a1", "a2"], "b": ["b1"]}  # folders in folders
FOLDERS = [
    {"id": name, "parent": parent, "is_folder": name in BELOW} for parent, names in BELOW.items() for name in names
]
TABLES: dict[str, list[dict[str, Any]]] = {**countries_and_cities(COUNTRIES, CITIES), "folders": FOLDERS}
STORED = {name: len(rows) for name, rows in TABLES.items()}

FOLDERS_ENTRY = {
    "resource": "folders",
    "method": "list",
    "persist": True,
    "query": {"parent": "root"},
    "recurse": {"if": "response.is_folder", "config": {"query": {"parent": "{{resources.folders.id}}"}}},
}
COUNTRIES_ENTRY, CITIES_ENTRY = COUNTRIES_AND_CITIES
ENTRIES = [FOLDERS_ENTRY, {**COUNTRIES_ENTRY, "delete_tracking": "soft"}, CITIES_ENTRY]
MAPPING = {"resource": "countries", "response_mapping": "{'id': response.iso, 'name': response.name}"}
# Requests until a run is among the cities: one of each folder and of the root, of the countries, and of some cities.
HALFWAY = 1 + len(BELOW) + 1 + COUNTRIES // 2

# What only people do, and the API does not offer: by the version's own services.
PEOPLE = f"""
from runs.models import *
from runs.services import *
from django.contrib.auth.hashers import make_password
one = Environment.objects.get()
ada = User.objects.create_superuser("{PERSON}", "ada@example.org")
bob = create_person(ada, "bob", {{}}, role=Role.OPERATOR, environments=[one])
User.objects.update(password=make_password("{FIRST_WORD}", salt="only-for-the-upgrade-tests"))
save_view(ada, "Failures", "status=failed")
save_alert_rule(one, {{"name": "On call", "channel": AlertChannel.MAIL, "target": "oncall@example.org"}})
"""
AFTERWARDS = """
from runs.models import *
from runs.models.base import uuid7
from runs.services import *
failed = SyncJobRun.objects.filter(status="failed")
acknowledge_failure(failed.get(), actor="ada", reason="known")
note_cause(ErrorGroup.objects.order_by("id").first(), "The source has no cities then.", actor="ada")
account = IntegratedAccount.objects.order_by("id").first()
AccountToken.objects.create(account=account, value={"access_token": "kept"})
runs = SyncJobRun.objects.filter(status="stopped")
chosen = run_set(runs)
start_bulk(BulkOrder(uuid7(), BulkKind.RERUN, len(chosen.ids), chosen.hash, "ada"), runs)
"""


@dataclass
class Story:
    """Told on the installation of the deck, whose web process runs, with its source and receiver."""

    deck: Deck
    source: Source
    receiver: Receiver

    def told(self, commit: str) -> Facts:
        """What is known of the installation at its end."""
        self._define()
        daemon = self.deck.daemon(concurrency=4)
        ended = {**self._completed(), **self._failed(), **self._stopped()}
        self._shell(AFTERWARDS)
        wait_until(lambda: self.deck.rows("SELECT 1 FROM runs_bulkaction WHERE status = 'completed'"), 60, "the bulk")
        live = [self._parked("parked"), self._halfway("halfway")]
        daemon.kill()
        live.append(self.deck.create_run(args={"of": "nobody yet"}))
        self._log_in()
        runs = {name: self.deck.run(run_id) for name, run_id in ended.items()}
        runs |= dict(zip(("parked", "halfway", "created"), map(self.deck.run, live), strict=True))
        return self._facts(commit, runs)

    def _define(self) -> None:
        deck = self.deck
        config = countries_then_cities(self.source.url)
        config["resources"]["folders"] = {"list": {"method": "get", "path": "/folders", "response_path": "data"}}
        deck.define(config, ENTRIES)
        self.accounts = {"acme": deck.account_id} | {name: self._account(name) for name in ("parked", "halfway")}
        self.webhook_id = deck.post("/webhook", {"target_url": self.receiver.url})["id"]
        target = {"sync_job_id": deck.job_id, "integrated_account_id": deck.account_id, "args": {"of": "the clock"}}
        self.trigger_id = deck.post("/sync-job-cron-trigger", {**target, "cron_expression": "* * * * *"})["id"]
        place = {"model": "geo", "resource": "places", "integration": "geo", "method": "list"}
        deck.post("/unified-mapping", {**place, "config": MAPPING})
        self._shell(PEOPLE)

    def _account(self, tenant: str) -> str:
        body = {"integration_name": "geo", "tenant_id": tenant, "context": {"token": "t0k3n"}}
        return str(self.deck.post("/integrated-account", body)["id"])

    def _completed(self) -> dict[str, str]:
        to_the_webhook = {"webhook_id": self.webhook_id, "daemon_group_key": None}
        first = self._ended("completed")
        # Incremental, and asked for with a key.
        body = {"sync_job_id": self.deck.job_id, "integrated_account_id": self.deck.account_id}
        again = self.deck.api.post("/sync-job-run", json=body, headers={"Idempotency-Key": "once"}).json()["id"]
        self.deck.ended(again)
        return {"completed": first, "again": again, "sent": self._ended("completed", **to_the_webhook)}

    def _failed(self) -> dict[str, str]:
        """One that fails, one that goes on all the same, and one of which a record is kept aside."""
        self.source.before = lambda request: Response("none", 404) if request.path == "/cities" else None
        failed = self._ended("failed", error_handling="fail_fast", args={"of": "a fault"})
        ignored = self._ended("completed", args={"of": "a fault that is ignored"})
        self.source.before = None
        country, TABLES["countries"][0]["iso"] = TABLES["countries"][0]["iso"], None
        kept_aside = self._ended("completed", args={"of": "a record without an id"}, ignore_previous_run=True)
        TABLES["countries"][0]["iso"] = country
        return {"failed": failed, "ignored": ignored, "kept aside": kept_aside}

    def _stopped(self) -> dict[str, str]:
        gate = self.source.before = Gate(answered=HALFWAY)
        run_id = self.deck.create_run(args={"of": "a stop"})
        gate.await_arrival()
        self.deck.post(f"/sync-job-run/{run_id}/stop", {})
        gate.open()
        self.source.before = None
        self.deck.ended(run_id)
        return {"stopped": run_id}

    def _parked(self, tenant: str) -> str:
        """One whose source wants a minute."""

        def busy(request: Request) -> Response | None:
            return Response("", 429, {"Retry-After": "60"}) if request.path == "/cities" else None

        self.source.before = busy
        run_id = self.deck.create_run(integrated_account_id=self.accounts[tenant])
        wait_until(lambda: self.deck.run(run_id)["rate_limited_until"], 30, "a parked run")
        wait_until(lambda: self.deck.rows("SELECT 1 FROM runs_syncjobrun WHERE resume_at IS NOT NULL"), 30, "its row")
        return run_id

    def _halfway(self, tenant: str) -> str:
        """One that its daemon holds, and of which it has stored some pages."""
        gate = self.source.before = Gate(answered=HALFWAY)
        run_id = self.deck.create_run(integrated_account_id=self.accounts[tenant])
        gate.await_arrival()
        wait_until(lambda: self.deck.run(run_id)["resource_stats"]["cities"]["list"]["persisted"], 30, "stored cities")
        return run_id

    def _ended(self, status: str, **wishes: Any) -> str:
        run = self.deck.ended(self.deck.create_run(**wishes))
        assert run["status"] == status, run
        return str(run["id"])

    def _log_in(self) -> None:
        """First with a wrong word, then with the right one. The session goes: it is random, as a secret that nobody had
        better commit."""
        with httpx2.Client(base_url=self.deck.api.base_url, follow_redirects=True, timeout=20) as browser:
            for word in ("wrong", FIRST_WORD):
                browser.get("/login/")
                token = browser.cookies["csrftoken"]
                fields = {"csrfmiddlewaretoken": token, "username": PERSON, "password": word}
                browser.post("/login/", data=fields)
        self.deck.change("DELETE FROM django_session")

    def _shell(self, code: str) -> None:
        done = self.deck.processes.run("shell", "-c", code)
        assert done.returncode == 0, done.stderr

    def _facts(self, commit: str, runs: dict[str, dict[str, Any]]) -> Facts:
        last = "SELECT app, max(name) FROM django_migrations GROUP BY app"
        [(delivery_id,)] = self.deck.rows("SELECT id FROM runs_delivery WHERE status = 'pending' ORDER BY id LIMIT 1")
        return Facts(
            commit=commit,
            migrations=dict(self.deck.rows(last)),
            job_id=self.deck.job_id,
            accounts=self.accounts,
            webhook_id=self.webhook_id,
            trigger_id=self.trigger_id,
            delivery_id=str(delivery_id),
            runs=runs,
        )
