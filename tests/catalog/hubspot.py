"""HubSpot's CRM, as developers.hubspot.com describes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug import Request, Response

from tests.catalog.provider import Provider, Records, json_response, sliced

FIRST = datetime(2024, 3, 1, 8, tzinfo=UTC)
LARGEST_LIST = 100
LARGEST_SEARCH = 200
INTERVAL = 10_000  # milliseconds, the window of a private app's limit


def time_of(number: int) -> str:
    return (FIRST + timedelta(minutes=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def crm_object(kind: str, number: int, **properties: Any) -> dict[str, Any]:
    key = {"contacts": 1, "companies": 2, "deals": 3, "tickets": 4}[kind] * 10_000 + number
    own = {
        "contacts": {
            "email": f"brian{number}@hubspot.com", "firstname": "Brian", "lastname": f"Halligan {number}",
            "phone": "+1 888 482 7768", "mobilephone": None, "jobtitle": "Chairman", "company": "HubSpot",
            "associatedcompanyid": "20001", "hubspot_owner_id": "41629779", "lifecyclestage": "customer",
        },
        "companies": {
            "name": f"Company {number}", "domain": f"c{number}.com", "numberofemployees": "75", "phone": None,
        },
        "deals": {
            "dealname": f"Deal {number}", "amount": "1500.50", "deal_currency_code": "EUR",
            "dealstage": "closedwon", "pipeline": "default", "closedate": "2024-06-01T00:00:00Z",
            "hs_is_closed": "true", "hs_is_closed_won": "true", "hs_primary_associated_company": "20001",
        },
        "tickets": {"subject": f"Ticket {number}", "hs_pipeline_stage": "1"},
    }[kind]  # fmt: skip
    created, changed = time_of(number), time_of(number + 5)
    stamp = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    return {
        "id": str(key),
        "properties": {**own, "createdate": created, stamp: changed, "hs_object_id": str(key), **properties},
        "createdAt": created,
        "updatedAt": changed,
        "archived": False,
    }


class HubSpot(Provider):
    name = "hubspot"
    context = {"token": "pat-eu1-s3cret"}
    wrong_context = {"token": "wrong"}
    routes = {
        "GET /crm/v3/objects/{kind}": "objects",
        "GET /crm/v3/objects/{kind}/{key}": "object",
        "POST /crm/v3/objects/{kind}/search": "search",
        "GET /crm/v3/owners": "owners",
        "GET /crm/v3/pipelines/{kind}": "pipelines",
    }
    most_results = 10_000

    def __init__(self, url: str) -> None:
        super().__init__(url)
        sizes = {"contacts": 430, "companies": 120, "deals": 210, "tickets": 3}
        self.objects_of: dict[str, Records] = {
            kind: [crm_object(kind, number) for number in range(size)] for kind, size in sizes.items()
        }
        self.all_owners: Records = [{"id": str(n), "email": f"owner{n}@example.com"} for n in range(105)]
        self.all_pipelines: Records = [{"id": "default", "label": "Sales pipeline", "stages": []}]

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.context['token']}"

    def refusal(self) -> Response:
        message = "Authentication credentials not found. This API supports OAuth 2.0 authentication."
        return json_response({"status": "error", "message": message, "category": "INVALID_AUTHENTICATION"}, 401)

    def limit(self) -> Response:
        body = {"status": "error", "message": "You have reached your ten_secondly_rolling limit."}
        policy = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        headers = {"X-HubSpot-RateLimit-Interval-Milliseconds": str(INTERVAL), "X-HubSpot-RateLimit-Remaining": "0"}
        return json_response(body | policy, 429, headers)

    def objects(self, request: Request, kind: str) -> Response:
        return self._list(request, [self._asked_for(row, request.args["properties"].split(",")) for row in
                                    self.objects_of[kind]])  # fmt: skip

    def object(self, request: Request, kind: str, key: str) -> Response:
        found = next(row for row in self.objects_of[kind] if row["id"] == key)
        return json_response(self._asked_for(found, request.args["properties"].split(",")))

    def owners(self, request: Request) -> Response:
        return self._list(request, self.all_owners)

    def pipelines(self, request: Request, kind: str) -> Response:
        return json_response({"results": self.all_pipelines})

    def _list(self, request: Request, records: Records) -> Response:
        limit = int(request.args.get("limit", 10))
        if limit > LARGEST_LIST:
            return json_response({"status": "error", "message": f"limit must be at most {LARGEST_LIST}"}, 400)
        start = int(request.args.get("after", 0))
        page, more = sliced(records, start, limit)
        return json_response({"results": page, **self._paging(start + limit, more)})

    def search(self, request: Request, kind: str) -> Response:
        """At most 200 a page, and 10,000 in all; sorted and filtered by properties."""
        body = request.get_json()
        limit, start = body.get("limit", 10), int(body.get("after", 0))
        if request.args or limit > LARGEST_SEARCH or start + limit > self.most_results:
            return json_response({"status": "error", "message": "The request is not valid"}, 400)
        found = [row for row in self.objects_of[kind] if self._matches(row, body.get("filterGroups", []))]
        found.sort(key=lambda row: row["properties"][body["sorts"][0]["propertyName"]])
        page, more = sliced(found, start, limit)
        rows = [self._asked_for(row, body["properties"]) for row in page]
        return json_response({"total": len(found), "results": rows, **self._paging(start + limit, more)})

    def _matches(self, row: dict[str, Any], groups: list[dict[str, Any]]) -> bool:
        for group in groups:
            for wanted in group["filters"]:
                value = datetime.fromisoformat(row["properties"][wanted["propertyName"]]).timestamp() * 1000
                if wanted["operator"] != "GTE" or value < int(wanted["value"]):
                    return False
        return True

    def _paging(self, after: int, more: bool) -> dict[str, Any]:
        return {"paging": {"next": {"after": str(after), "link": "?after"}}} if more else {}

    def _asked_for(self, row: dict[str, Any], names: list[str]) -> dict[str, Any]:
        """With the properties that were asked for, and those that are always there."""
        kept = {*names, "hs_object_id", "createdate"}
        return {**row, "properties": {key: value for key, value in row["properties"].items() if key in kept}}
