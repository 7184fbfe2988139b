"""`/proxy` and `/unified`: one page through the connector, against a source on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from werkzeug import Response

from runs.api import api
from runs.connectors import Bounds, RequestFailed
from runs.models import AccountStatus, IntegratedAccount, Record
from runs.services import Asked, pass_through
from tests import factories
from tests.runs.api.program import Program, failure_paths
from tests.sources import Reply, Source, countries_and_cities, json_response, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[Source]:
    with serving(countries_and_cities(5, 0)) as found:
        yield found


@pytest.fixture
def source(served: Source) -> Iterator[Source]:
    served.served.clear()
    yield served
    served.before = None


@pytest.fixture
def account(source: Source) -> IntegratedAccount:
    config = factories.integration_config(source.url)
    account = factories.account(integration=factories.integration(config=config))
    factories.mapping(integration=account.integration)
    one = {"resource": "countries", "response_mapping": "{'name': $uppercase(response.name)}"}
    factories.mapping(integration=account.integration, method="get", config=one)
    return account


def get(program: Program, account: IntegratedAccount, path: str) -> Any:
    return program.get(f"{path}{'&' if '?' in path else '?'}integrated_account_id={account.id}")


def replying(*args: Any, **kwargs: Any) -> Reply:
    return lambda request: Response(*args, **kwargs)


def test_a_raw_list_is_one_page_as_the_source_sends_it(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    response = get(program, account, "/proxy/countries")
    assert response.status_code == 200
    assert response.json() == {
        "result": source.tables["countries"],
        "next_cursor": None,
        "limit": 100,
        "errors": [],
    }
    assert source.served[0].headers["Authorization"] == "Bearer t0k3n"
    assert not Record.objects.exists()


@pytest.mark.parametrize("path", ["/proxy/countries", "/unified/geo/places"])
def test_the_cursor_leads_from_page_to_page(
    program: Program, account: IntegratedAccount, source: Source, path: str
) -> None:
    page = get(program, account, f"{path}?limit=2&colour=red").json()
    found = [len(page["result"])]
    while page["next_cursor"]:
        page = get(program, account, f"{path}?next_cursor={quote(page['next_cursor'])}").json()
        found.append(len(page["result"]))
    assert found == [2, 2, 1]
    assert [request.query["page"] for request in source.served] == ["1", "2", "3"]
    asked = {
        (request.query["per_page"], request.query["colour"], "limit" in request.query) for request in source.served
    }
    assert asked == {("2", "red", False)}


def test_a_cursor_is_opaque_and_holds_for_its_own_list_only(program: Program, account: IntegratedAccount) -> None:
    cursor = get(program, account, "/proxy/countries?limit=2").json()["next_cursor"]
    other = factories.account(integration=account.integration)
    for owner, path in ((account, "/unified/geo/places"), (account, "/proxy/cities"), (other, "/proxy/countries")):
        assert failure_paths(get(program, owner, f"{path}?next_cursor={cursor}")) == ["next_cursor"]
    assert failure_paths(get(program, account, "/proxy/countries?next_cursor=%C3%BC")) == ["next_cursor"]
    assert get(program, account, "/proxy/countries?next_cursor=").status_code == 200


def test_the_other_parameters_go_to_the_source_as_they_came(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    seen: list[str] = []
    source.before = lambda request: seen.append(request.query_string.decode())
    get(program, account, "/proxy/countries?a[b]=1&ids[]=1&ids[]=2&n=1&n=2&t={{context.token}}")
    expected = "a%5Bb%5D=1&ids%5B%5D=1&ids%5B%5D=2&n=1&n=2&t=%7B%7Bcontext.token%7D%7D&"
    assert seen[0].startswith(expected)
    assert str(account.id) not in seen[0]


def test_a_query_mapping_reads_objects_and_lists(program: Program, account: IntegratedAccount, source: Source) -> None:
    mapping = account.integration.mappings.get(method="list")
    mapping.config = {**mapping.config, "query_mapping": "{'q': query.filter.name, 'ids': query.ids, 'l': query.l[1]}"}
    mapping.save()
    get(program, account, "/unified/geo/places?filter[name]=Ada&ids[]=7&l[0]=a&l[1]=b&limit=3")
    assert source.served[0].query == {"q": "Ada", "ids": "7", "l": "b", "page": "1", "per_page": "3"}
    assert failure_paths(get(program, account, "/unified/geo/places?a=1&a[b]=2")) == ["a[b]"]
    assert failure_paths(get(program, account, "/unified/geo/places?a" + "[b]" * 11 + "=2")) == ["a"]


def test_one_record_is_bare(program: Program, account: IntegratedAccount, source: Source) -> None:
    raw = source.tables["countries"][1]
    assert get(program, account, "/proxy/countries/C001").json() == raw
    unified = get(program, account, "/unified/geo/places/C001").json()
    assert unified == {"id": "C001", "name": "COUNTRY C001", "remote_data": raw}


def test_an_id_with_a_slash_reaches_the_source_whole(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    source.before = lambda request: json_response({"iso": "x"})
    assert get(program, account, "/proxy/countries/a%2Fb").status_code == 200
    assert source.served[0].path == "/countries/a/b"
    assert get(program, account, "/proxy/countries/..").status_code == 400


def test_records_that_cannot_be_mapped_are_told_beside_the_others(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    mapping = account.integration.mappings.get(method="list")
    picky = "{'id': response.iso, 'n': $number($substringAfter(response.iso, 'C00'))}"
    mapping.config = {**mapping.config, "response_mapping": picky}
    mapping.save()
    source.before = lambda request: json_response({"data": [{"iso": "C001"}, {"iso": "C00x"}]})
    page = get(program, account, "/unified/geo/places").json()
    assert [record["id"] for record in page["result"]] == ["C001"]
    assert [(error["code"], error["remote_data"]) for error in page["errors"]] == [("mapping_failed", {"iso": "C00x"})]


def test_one_record_that_cannot_be_mapped_is_a_400(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    source.before = lambda request: json_response({"iso": "C001", "name": 5})
    assert failure_paths(get(program, account, "/unified/geo/places/C001")) == ["config.response_mapping"]


def test_the_account_has_to_be_named_and_be_of_the_environment(
    program: Program, stranger: Program, account: IntegratedAccount, source: Source
) -> None:
    for path in ("/proxy/countries", "/proxy/countries/1", "/unified/geo/places", "/unified/geo/places/1"):
        assert failure_paths(program.get(path)) == ["integrated_account_id"]
        assert failure_paths(program.get(f"{path}?integrated_account_id=x")) == ["integrated_account_id"]
        assert get(stranger, account, path).status_code == 404
    assert source.served == []


def test_what_the_integration_does_not_describe_is_a_404_that_lists_what_it_does(
    program: Program, account: IntegratedAccount
) -> None:
    for path, named in (
        ("/proxy/planets", "countries"),
        ("/proxy/cities/1", "list"),
        ("/unified/geo/rivers", "geo/places"),
        ("/unified/crm/contacts/1", "geo/places"),
    ):
        response = get(program, account, path)
        assert (response.status_code, named in response.json()["message"]) == (404, True)
        assert "truto_is_remote_error" not in response.json()


@pytest.mark.parametrize(
    ("told", "answered"),
    [(400, 400), (401, 401), (403, 403), (404, 404), (405, 405), (422, 422), (499, 400), (501, 502)],
)
def test_a_refusal_of_the_source_is_told_as_the_sources(
    program: Program, account: IntegratedAccount, source: Source, told: int, answered: int
) -> None:
    source.before = replying(json.dumps({"why": "no", "token": "t0k3n"}), told)
    response = get(program, account, "/proxy/countries")
    body = response.json()
    assert (response.status_code, body["statusCode"], body["truto_is_remote_error"]) == (answered, answered, True)
    assert body["raw_response"] == {"why": "no", "token": "***"}


def test_a_refused_login_marks_the_account(program: Program, account: IntegratedAccount, source: Source) -> None:
    source.before = replying("who?", 401)
    assert get(program, account, "/proxy/countries").json()["raw_response"] == "who?"
    account.refresh_from_db()
    assert account.status == AccountStatus.NEEDS_REAUTH


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_of_the_rate_is_told_and_not_waited_for(
    program: Program, account: IntegratedAccount, source: Source, status: int
) -> None:
    source.before = replying('{"error": "slow down", "token": "t0k3n"}', status, {"Retry-After": "7"})
    response = get(program, account, "/proxy/countries")
    assert (response.status_code, response["Retry-After"], len(source.served)) == (429, "7", 1)
    told = response.json()
    assert (told["truto_is_remote_error"], told["raw_response"]["error"]) == (True, "slow down")
    assert "t0k3n" not in response.content.decode()


def test_a_failure_of_the_moment_is_tried_once_more(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    source.before = lambda request: Response("oops", 500) if len(source.served) == 1 else None
    assert get(program, account, "/proxy/countries").status_code == 200
    source.before = replying("oops", 500)
    assert get(program, account, "/proxy/countries").status_code == 502
    assert len(source.served) == 4


def test_a_source_that_is_not_there_is_a_502(program: Program, account: IntegratedAccount) -> None:
    account.integration.config["base_url"] = "http://127.0.0.1:9"
    account.integration.save()
    response = get(program, account, "/proxy/countries")
    assert (response.status_code, response.json()["truto_is_remote_error"]) == (502, True)


def test_what_cannot_be_read_is_a_502_and_odd_values_come_through_readable(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    for body in ("<html>", '{"data": {}}', '{"data": [' + "[" * 500 + "]" * 500 + "]}"):
        source.before = replying(body, 200)
        assert get(program, account, "/proxy/countries").status_code == 502
    source.before = replying('{"data": [{"a": NaN, "b": "x\\u0000\\ud800y"}]}', 200)
    assert get(program, account, "/proxy/countries").json()["result"] == [{"a": None, "b": "xy"}]


def test_only_get_is_allowed(program: Program, account: IntegratedAccount) -> None:
    response = program.post(f"/proxy/countries?integrated_account_id={account.id}", {})
    assert (response.status_code, response.json()["statusCode"]) == (405, 405)


def test_a_mapping_that_is_broken_is_a_400_with_its_fault(program: Program, account: IntegratedAccount) -> None:
    account.integration.mappings.update(config={"resource": "countries", "response_mapping": "("})
    response = get(program, account, "/unified/geo/places")
    assert failure_paths(response) == ["resource"]


def test_a_bad_limit_is_told(program: Program, account: IntegratedAccount, source: Source) -> None:
    assert failure_paths(get(program, account, "/proxy/countries?limit=many")) == ["limit"]
    assert get(program, account, "/proxy/countries?limit=5000").json()["limit"] == 1000


def test_the_document_tells_what_a_failing_source_leads_to(program: Program) -> None:
    paths = program.get("/openapi.json").json()["paths"]
    for path in ("/proxy/{resource}", "/unified/{model}/{resource}/{record_id}"):
        assert {"502", "503", "504"} <= set(paths[path]["get"]["responses"])


def test_empty_pages_that_have_a_next_one_are_passed_over(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    cursor = {"format": "cursor", "config": {"cursor_key": "after", "cursor_path": "next"}}
    account.integration.config["pagination"] = cursor
    account.integration.save()
    pages = {"": {"data": [], "next": "a"}, "a": {"data": [], "next": "b"}, "b": {"data": [{"iso": "x"}], "next": "c"}}
    source.before = lambda request: json_response(pages[request.args.get("after", "")])
    page = get(program, account, "/proxy/countries").json()
    assert (page["result"], page["limit"], len(source.served)) == ([{"iso": "x"}], None, 3)
    source.before = lambda request: json_response({"data": [], "next": "a"})
    response = get(program, account, "/proxy/countries")
    assert (response.status_code, response.json()["truto_is_remote_error"]) == (502, True)


def test_what_is_not_sent_is_a_400_and_no_error_of_the_source(
    program: Program, account: IntegratedAccount, source: Source
) -> None:
    account.context = {}
    account.save()
    response = get(program, account, "/proxy/countries")
    assert (response.status_code, "truto_is_remote_error" in response.json()) == (400, False)
    program.delete(f"/integration/{account.integration_id}")
    assert failure_paths(get(program, account, "/proxy/countries")) == ["integrated_account_id"]
    assert source.served == []


def test_a_source_that_takes_too_long_is_a_504(account: IntegratedAccount, source: Source) -> None:
    done = threading.Event()
    source.before = lambda request: done.wait(10) and None
    bounds = Bounds(tries=1, page_seconds=0.3)
    try:
        with pytest.raises(RequestFailed) as caught:
            pass_through(Asked(account, "countries", "list", {}), bounds)
    finally:
        done.set()
    assert handled(caught.value).status_code == 504


def handled(error: RequestFailed) -> Any:
    """The API's answer to the error."""
    return api.on_exception(RequestFactory().get("/proxy/countries"), error)
