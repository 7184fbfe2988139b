"""How each integration of the catalogue signs in, is told off, and is asked to wait; without a database."""

from __future__ import annotations

from typing import Any

import pytest

from runs.catalog import catalog
from runs.connectors import (
    ALL_PRIVATE_HOSTS,
    ApiClient,
    AuthenticationFailed,
    RateLimited,
    RequestValues,
    parse_integration,
)
from runs.connectors.request import drafted
from tests.catalog.circleci import SLUG, CircleCI
from tests.catalog.conftest import Play
from tests.catalog.github import GitHub
from tests.catalog.gitlab import GitLab
from tests.catalog.hubspot import INTERVAL, HubSpot
from tests.catalog.intercom import Intercom
from tests.catalog.jira import Jira
from tests.catalog.provider import LONG_WAIT, Provider
from tests.catalog.stage import at_provider
from tests.catalog.stripe import Stripe
from tests.catalog.zendesk import Zendesk
from tests.runs.connectors.sources import StillTime

REFUSALS = {
    "zendesk": "Couldn't authenticate you",
    "circleci": "You must log in first.",
    "hubspot": "Authentication credentials not found.",
    "github": "Bad credentials",
    "gitlab": "401 Unauthorized",
    "stripe": "Invalid API Key provided",
    "jira": "401",  # Jira says it as plain text, which stays in the excerpt
    "intercom": "Access Token Invalid",
}
LISTS: dict[type[Provider], tuple[str, str, dict[str, Any]]] = {
    Zendesk: ("tickets", "list", {}),
    CircleCI: ("pipelines", "list", {"project_slug": SLUG}),
    HubSpot: ("contacts", "list", {}),
    GitHub: ("repos", "list_for_org", {"org": "acme"}),
    GitLab: ("projects", "list", {}),
    Stripe: ("customers", "list", {}),
    Jira: ("projects", "list", {}),
    Intercom: ("contacts", "list", {}),
}
ALL = pytest.mark.parametrize("kind", LISTS, ids=lambda kind: kind.name)
BROKEN = "wrong-s3cret-of-the-account"


def first_page(provider: Provider, time: StillTime, **context: Any) -> list[Any]:
    resource, method, query = LISTS[type(provider)]
    spec = parse_integration(at_provider(catalog()[provider.name].config, provider))
    values = {"wait": time.wait, "clock": time.clock, "private": ALL_PRIVATE_HOSTS}
    with ApiClient(spec, {**provider.context, **context}, **values) as client:
        return client.fetch(spec.method(resource, method), RequestValues(query=query), None).records


@ALL
def test_a_wrong_credential_is_refused_in_the_providers_words_and_not_told(
    kind: type[Provider], play: Play[Provider]
) -> None:
    wrong = dict.fromkeys(kind.wrong_context, BROKEN)
    with pytest.raises(AuthenticationFailed) as told:
        first_page(play(kind), StillTime(), **wrong)
    assert told.value.status_code == 401
    assert REFUSALS[kind.name] in str(told.value)
    assert told.value.excerpt
    assert BROKEN not in f"{told.value} {told.value.url} {told.value.excerpt}"


@pytest.mark.parametrize("kind", [Zendesk, CircleCI, GitHub, GitLab, Jira, Intercom], ids=lambda kind: kind.name)
def test_a_long_limit_is_told_to_the_run(kind: type[Provider], play: Play[Provider]) -> None:
    provider = play(kind)
    provider.limit_request = 1
    with pytest.raises(RateLimited) as told:
        first_page(provider, StillTime())
    assert LONG_WAIT - 2 <= told.value.seconds <= LONG_WAIT + 2
    assert first_page(provider, StillTime())


@pytest.mark.parametrize(("kind", "shortest", "longest"), [(HubSpot, INTERVAL / 1000, INTERVAL / 1000), (Stripe, 1, 4)])
def test_a_short_limit_is_waited_for_in_the_request(
    kind: type[Provider], shortest: float, longest: float, play: Play[Provider]
) -> None:
    time, provider = StillTime(), play(kind)
    provider.limit_request = 1
    assert first_page(provider, time)
    assert len(provider.asked) == 2
    assert shortest <= time.seconds <= longest


CONTEXTS: dict[str, dict[str, Any]] = {
    **{kind.name: kind.context for kind in LISTS},
    "gitlab at home": {**GitLab.context, "host": "git.acme.example"},
    "gitlab with an empty host": {**GitLab.context, "host": ""},
    "intercom in europe": {**Intercom.context, "host": "api.eu.intercom.io"},
}


@pytest.mark.parametrize(
    ("account", "resource", "method", "query", "address"),
    [
        ("zendesk", "tickets", "list", {}, "GET https://acme.zendesk.com/api/v2/tickets?page%5Bsize%5D=100"),
        ("zendesk", "tickets", "create", {}, "POST https://acme.zendesk.com/api/v2/tickets"),
        ("zendesk", "tickets", "update", {}, "PUT https://acme.zendesk.com/api/v2/tickets/7"),
        ("circleci", "pipelines", "create", {"project_slug": "gh/a/b"},
         "POST https://circleci.com/api/v2/project/gh%2Fa%2Fb/pipeline"),
        ("circleci", "jobs", "get", {"project_slug": "gh/a/b"},
         "GET https://circleci.com/api/v2/project/gh%2Fa%2Fb/job/7"),
        ("hubspot", "contacts", "update", {}, "PATCH https://api.hubapi.com/crm/v3/objects/contacts/7"),
        ("hubspot", "deals", "search", {}, "POST https://api.hubapi.com/crm/v3/objects/deals/search"),
        ("github", "issues", "get", {"owner": "o", "repo": "r"}, "GET https://api.github.com/repos/o/r/issues/7"),
        ("github", "issues", "update", {"owner": "o", "repo": "r"}, "PATCH https://api.github.com/repos/o/r/issues/7"),
        ("gitlab", "projects", "get", {}, "GET https://gitlab.com/api/v4/projects/7"),
        ("gitlab at home", "projects", "get", {}, "GET https://git.acme.example/api/v4/projects/7"),
        ("gitlab with an empty host", "users", "get", {}, "GET https://gitlab.com/api/v4/users/7"),
        ("gitlab", "issues", "update", {"project_id": "a/b"}, "PUT https://gitlab.com/api/v4/projects/a%2Fb/issues/7"),
        ("stripe", "customers", "list", {}, "GET https://api.stripe.com/v1/customers?limit=100"),
        ("stripe", "customers", "create", {}, "POST https://api.stripe.com/v1/customers"),
        ("jira", "issues", "get", {}, "GET https://acme.atlassian.net/rest/api/3/issue/7"),
        ("jira", "users", "get", {}, "GET https://acme.atlassian.net/rest/api/3/user?accountId=7"),
        ("intercom", "contacts", "list", {}, "GET https://api.intercom.io/contacts?per_page=150"),
        ("intercom in europe", "contacts", "get", {}, "GET https://api.eu.intercom.io/contacts/7"),
    ],
)  # fmt: skip
def test_addresses(account: str, resource: str, method: str, query: dict[str, Any], address: str) -> None:
    spec = parse_integration(catalog()[account.split()[0]].config)
    values = RequestValues(id="7", query=query)
    outgoing = drafted(spec, spec.method(resource, method), values, CONTEXTS[account]).at(None)
    assert f"{outgoing.verb} {outgoing.url}" == address


def test_stripe_takes_forms() -> None:
    spec = parse_integration(catalog()["stripe"].config)
    values = RequestValues(body={"name": "Jenny Rosen", "metadata[order]": 6})
    outgoing = drafted(spec, spec.method("customers", "create"), values, Stripe.context).at(None)
    assert outgoing.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert outgoing.content == b"name=Jenny+Rosen&metadata%5Border%5D=6"
