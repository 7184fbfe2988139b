"""The seed page, the rows that prove its sentences, and an installation in which a row can try anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from runs.courier import Courier
from runs.engine.runner import execute_slice
from tests.processes import wait_until
from tests.receiver import Receiver
from tests.runs.api.program import Program
from tests.sources import Source

DAEMON = "daemon-default-1"
PAGE = " ".join((Path(__file__).parent / "seed_page.txt").read_text().split())

Check = Callable[["Seed"], None]


@dataclass(frozen=True)
class Row:
    """A sentence of the page, word for word, what of it is proved, and how."""

    sentence: str
    proves: str
    check: Check


ROWS: list[Row] = []


def row(sentence: str, proves: str) -> Callable[[Check], Check]:
    """Enter the decorated check as the proof of a sentence. One check may prove several."""

    def entered(check: Check) -> Check:
        ROWS.append(Row(" ".join(sentence.split()), proves, check))
        return check

    return entered


def tables() -> dict[str, list[dict[str, Any]]]:
    """What the source holds: contacts, two deals of each, and users."""
    return {
        "contacts": [{"id": number, "name": f"Contact {number}"} for number in range(1, 4)],
        "deals": [{"id": number, "contact_id": number % 3 + 1} for number in range(1, 7)],
        "users": [{"id": f"u{number}", "team": f"t{number % 2}"} for number in range(1, 4)],
    }


def config(base_url: str) -> dict[str, Any]:
    """The description of the source."""

    def methods(table: str) -> dict[str, Any]:
        return {
            "list": {"method": "get", "path": f"/{table}", "response_path": "data"},
            "get": {"method": "get", "path": f"/{table}/{{{{id}}}}", "pagination": None},
        }

    return {
        "base_url": base_url,
        "authorization": {"format": "bearer", "config": {"token": "{{context.token}}"}},
        "pagination": {"format": "page", "config": {"page_key": "page", "limit_key": "per_page", "limit": 2}},
        "resources": {table: methods(table) for table in tables()},
    }


@dataclass
class Seed:
    """One integration, one account, one job at a time, and everything by the API but the daemon's work."""

    program: Program
    source: Source
    account_id: str = ""
    job_id: str = ""
    webhook_id: str = ""

    def define(self) -> None:
        self.post("/integration", {"name": "zendesk", "config": config(self.source.url)})
        account = {"integration_name": "zendesk", "tenant_id": "acme", "context": {"token": "t0k3n"}}
        self.account_id = self.post("/integrated-account", account)["id"]

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.program.post(path, body)
        assert answer.status_code in (200, 201), answer.content
        made: dict[str, Any] = answer.json()
        return made

    def get(self, path: str) -> dict[str, Any]:
        answer = self.program.get(path)
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def job(self, *resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A job of these entries, or of all contacts, which is the job from now on."""
        entries = list(resources) or [{"resource": "contacts", "method": "list", "persist": True}]
        job = self.post("/sync-job", {"integration_name": "zendesk", "label": "Seed", "resources": entries, **more})
        self.job_id = job["id"]
        return job

    def start(self, *resources: dict[str, Any], **wishes: Any) -> dict[str, Any]:
        """A new run, of a new job of these entries where there are any."""
        if resources or not self.job_id:
            self.job(*resources)
        return self.post("/sync-job-run", self.wish(**wishes))

    def wish(self, **wishes: Any) -> dict[str, Any]:
        return {"sync_job_id": self.job_id, "integrated_account_id": self.account_id, **wishes}

    def run(self, *resources: dict[str, Any], **wishes: Any) -> dict[str, Any]:
        """A run, executed by a daemon to its end."""
        return self.executed(self.start(*resources, **wishes)["id"])

    def executed(self, run_id: str) -> dict[str, Any]:
        execute_slice(UUID(run_id), DAEMON)
        return self.get(f"/sync-job-run/{run_id}")

    def stored(self, resource: str) -> list[Any]:
        """The data of the stored records, in the order of their creation."""
        return [record["data"] for record in self.program.all_of(f"/record?resource={resource}&order=asc")]

    def asked(self) -> list[str]:
        """The paths that the source was asked for, each once, in order."""
        return list(dict.fromkeys(request.path for request in self.source.served))

    def queries(self, path: str, name: str) -> list[str | None]:
        """The values of one parameter in the requests of a path, each once, in order."""
        return list(dict.fromkeys(request.query.get(name) for request in self.source.requests(path)))

    def unify(self, resource: str) -> None:
        """Make `crm/<resource>` of the source's, with the name as the title."""
        mapping = {
            "resource": resource,
            "method": "list",
            "response_mapping": "{'id': response.id, 'title': response.name}",
        }
        body = {"model": "crm", "resource": resource, "method": "list", "integration": "zendesk", "config": mapping}
        self.post("/unified-mapping", body)

    def webhook(self, receiver: Receiver) -> str:
        """The id of a new webhook, whose events the receiver gets."""
        self.webhook_id = self.post("/webhook", {"target_url": receiver.url, "event_types": []})["id"]
        return self.webhook_id

    def delivered(self, receiver: Receiver, event: str, count: int) -> list[dict[str, Any]]:
        """The payloads of so many events, once the daemon's courier has brought them."""
        courier = Courier()
        courier.start()
        try:
            wait_until(lambda: len(receiver.accepted(event)) >= count, 10, f"{count} times {event}")
        finally:
            courier.stop()
            courier.join()
        return [one.payload for one in receiver.accepted(event)]
