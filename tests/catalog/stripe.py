"""Stripe, as docs.stripe.com describes it."""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response

from tests.catalog.provider import Provider, Records, json_response

LARGEST_PAGE = 100
KINDS = {"customers": "cus", "products": "prod", "prices": "price", "subscriptions": "sub", "invoices": "in"}
FIRST = 1_709_280_000  # 1 March 2024, in epoch seconds


def stripe_object(prefix: str, number: int, **over: Any) -> dict[str, Any]:
    return {"id": f"{prefix}_{number:04}", "object": prefix, "created": FIRST + number, "livemode": False, **over}


class Stripe(Provider):
    name = "stripe"
    context = {"api_key": "sk_test_s3cret"}
    wrong_context = {"api_key": "wrong"}
    routes = {"GET /v1/{kind}": "objects"}

    def __init__(self, url: str) -> None:
        super().__init__(url)
        sizes = {"cus": 230, "sub": 100, "ch": 3, "evt": 140}
        self.objects_of: dict[str, Records] = {  # newest first, as Stripe lists them
            kind: [stripe_object(prefix, number) for number in reversed(range(sizes.get(prefix, 2)))]
            for kind, prefix in {**KINDS, "charges": "ch", "events": "evt"}.items()
        }
        for number, subscription in enumerate(self.objects_of["subscriptions"]):
            subscription["status"] = "canceled" if number % 3 == 0 else "active"

    def is_let_in(self, request: Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.context['api_key']}"

    def refusal(self) -> Response:
        message = "Invalid API Key provided: wr***ng"
        return json_response({"error": {"message": message, "type": "invalid_request_error"}}, 401)

    def limit(self) -> Response:
        message = "Request rate limit exceeded."
        return json_response(
            {"error": {"message": message, "type": "invalid_request_error", "code": "rate_limit"}}, 429
        )

    def objects(self, request: Request, kind: str) -> Response:
        """After an object's id; an unknown parameter is refused, as Stripe does."""
        asked = set(request.args)
        if not asked <= {"limit", "starting_after", "created[gte]", "status"}:
            message = f"Received unknown parameters: {sorted(asked)}"
            return json_response({"error": {"message": message, "type": "invalid_request_error"}}, 400)
        limit = int(request.args.get("limit", 10))
        if limit > LARGEST_PAGE:
            return json_response({"error": {"message": "Invalid integer", "param": "limit"}}, 400)
        rows = [row for row in self.objects_of[kind] if row["created"] >= int(request.args.get("created[gte]", 0))]
        if kind == "subscriptions" and request.args.get("status") != "all":
            rows = [row for row in rows if row["status"] != "canceled"]
        ids = [row["id"] for row in rows]
        start = ids.index(request.args["starting_after"]) + 1 if "starting_after" in asked else 0
        page = rows[start : start + limit]
        more = start + limit < len(rows)
        return json_response({"object": "list", "url": f"/v1/{kind}", "has_more": more, "data": page})
