"""What the OpenAPI document allows, and much that it does not, is answered as it says: never by an error of ours."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import factories
from tests.acceptance.deck import Deck, Prepared, embedded

CASES = 2_000
SPARE = 1.1  # an operation without parameters has one case only
# Refusing all that the document does not allow is not among them: read-only and unknown fields are ignored.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    allow_header_conformance,
]


@pytest.fixture(scope="module")
def deck(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    with embedded(prepared, tmp_path_factory.mktemp("openapi") / "data") as deck:
        yield deck


class Known:
    """Rows that are there, so that a case which names them gets past the 404."""

    def __init__(self, api: httpx2.Client) -> None:
        self._api, self._count = api, 0

    def anew(self) -> dict[str, Any]:
        """Sound values of a body, of new rows: the operation before this one may have removed any."""
        self._count += 1
        name, config = f"geo-{self._count}", factories.integration_config()
        resources = factories.COUNTRIES_AND_CITIES
        self._post("/integration", {"name": name, "config": config})
        account = self._post("/integrated-account", {"integration_name": name, "tenant_id": "acme"})
        job = self._post("/sync-job", {"integration_name": name, "label": "Geo", "resources": resources})
        target = {"sync_job_id": job["id"], "integrated_account_id": account["id"]}
        self._post("/sync-job-run", target)
        how = {"resource": "countries", "response_mapping": {"id": "response.iso"}}
        mapping = {"model": "crm", "resource": "countries", "method": "list", "config": how}
        self._post("/unified-mapping", {**mapping, "integration": name})
        self._post("/sync-job-cron-trigger", {**target, "cron_expression": "0 2 * * *"})
        return {"integration_name": name, "config": config, "resources": resources, **target}

    def ids(self, path: str) -> list[str]:
        """The ids in the collection that the path's parameter is of."""
        listed = self._api.get(path.partition("{")[0].rstrip("/"))
        return [row["id"] for row in listed.json().get("result", [])] if listed.is_success else []

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


def cases(operation: APIOperation, known: Known) -> st.SearchStrategy[Case]:
    """Cases that fit the document and cases that do not, many of which name what is there."""
    sound, ids = known.anew(), known.ids(operation.path)

    def named(case: Case, row_id: str | None, is_sound: bool) -> Case:
        if row_id and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, row_id)
        if is_sound and isinstance(case.body, dict):
            case.body = case.body | {name: value for name, value in sound.items() if name in case.body}
        return case

    drawn = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])
    return st.builds(named, drawn, st.sampled_from([*ids, None]), st.booleans())


def test_no_case_is_an_error_of_ours_or_is_answered_otherwise_than_documented(
    deck: Deck, subtests: pytest.Subtests
) -> None:
    document = schemathesis.openapi.from_url(f"{deck.api.base_url}/openapi.json")
    operations = [found.ok() for found in document.get_all_operations()]
    known, tried = Known(deck.api), 0
    thoroughly = settings(
        max_examples=math.ceil(SPARE * CASES / len(operations)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    for operation in operations:

        @thoroughly
        @given(case=cases(operation, known))
        def answer_as_documented(case: Case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers=dict(deck.api.headers), checks=CHECKS)

        with subtests.test(operation.label):
            answer_as_documented()

    assert tried >= CASES


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        (b"GET /sync-job-run/%ZZ", b"", 404),
        (b"GET /sync-job-run/%ff%fe", b"", 404),
        (b"GET /sync-job-run/%00", b"", 404),
        (b"GET /sync-job-run/../sync-job", b"", 404),
        (b"GET /" + b"a" * 9000, b"", 404),
        (b"OPTIONS *", b"", 404),
        (b"GET /sync-job-run?status=%ff", b"", 400),
        (b"GET /sync-job-run?%00=1&daemon_id=%ff&created_by=%ed%a0%80", b"", 200),
        (b"GET /sync-job-run?next_cursor=%c3%a9:%ff:x", b"", 400),
        (b"GET /sync-job-run?id[in]=" + b"a," * 9000, b"", 400),
        (b"FOO /sync-job-run", b"", 405),
        (b"HEAD /sync-job-run", b"", 200),
        (b"GET /sync-job", b"Authorization: Bearer \xff\xfe\r\n", 401),
        (b"POST /sync-job", b"Content-Type: application/json; charset=\xff\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /sync-job", b"Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\n{}", 415),
        (b"POST /sync-job", b"Idempotency-Key: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}", 400),
        (
            b"POST /sync-job",
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            400,
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_odd_bytes_are_told_in_the_form_of_every_refusal(deck: Deck, line: bytes, headers: bytes, status: int) -> None:
    address = deck.api.base_url.host, int(deck.api.base_url.port or 0)
    token = b"" if b"Authorization" in headers else f"Authorization: {deck.api.headers['Authorization']}\r\n".encode()
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(
            line + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + token + headers + b"\r\n\r\n"
        )
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, head
    assert b"application/json" in head
    assert line.startswith(b"HEAD") == (body == b"")
    assert status < 400 or json.loads(body)["statusCode"] == status
