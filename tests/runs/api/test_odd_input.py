"""Whatever a client sends, the fault is told as the client's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.filters import RUN_FIELDS
from tests import factories
from tests.runs.api.program import Program

pytestmark = pytest.mark.django_db

FIELDS = {
    "/integration": ["name", "label", "category", "config"],
    "/integrated-account": ["integration_name", "tenant_id", "status", "context", "unified_model_override"],
    "/sync-job": ["integration_name", "label", "args_schema", "resources", "default_runtime_version"],
    "/sync-job-run": [
        "sync_job_id",
        "integrated_account_id",
        "args",
        "resources",
        "webhook_id",
        "daemon_group_key",
        "error_handling",
        "ignore_previous_run",
        "version",
        "force",
    ],
    "/sync-job-cron-trigger": [
        "args",
        "cron_expression",
        "webhook_id",
        "daemon_group_key",
        "error_handling",
        "is_active",
    ],
}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.sampled_from(["geo", "countries", "list", "0 0 30 2 *", "{{args.x}}", "{{resources.countries.id}}", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resource", "method", "depends_on", "loop_on", "query", "type", "required", "$ref", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ODDLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def known(environment: Any) -> dict[str, str]:
    """What a sound body names, so that what is odd in it is reached."""
    account = factories.account()
    job = factories.job(integration=account.integration)
    named = {"integration_name": "geo", "sync_job_id": str(job.id), "integrated_account_id": str(account.id)}
    return {**named, "cron_expression": "0 6 * * *"}


@pytest.mark.parametrize("path", FIELDS)
@ODDLY
@given(data=st.data())
def test_no_body_is_an_error_of_ours(program: Program, known: dict[str, str], path: str, data: Any) -> None:
    odd = data.draw(st.dictionaries(st.sampled_from(FIELDS[path]), VALUES, max_size=4))
    response = program.post(path, {**known, **odd})
    assert response.status_code in (201, 400, 409), response.content


@ODDLY
@given(
    name=st.sampled_from([*RUN_FIELDS, "limit", "next_cursor"]),
    key=st.sampled_from(["", "[]", "[0]", "[gt]", "[in]", "[in][]", "[ne]", "[lte]", "[x]", "[", "]", "[gt][gt]"]),
    value=st.text(max_size=60) | st.integers().map(str) | st.datetimes().map(str) | st.uuids().map(str),
)
def test_no_query_is_an_error_of_ours(program: Program, name: str, key: str, value: str) -> None:
    response = program.client.get(
        "/sync-job-run", {f"{name}{key}": value}, headers={"Authorization": f"Bearer {program.token}"}
    )
    assert response.status_code in (200, 400), response.content
