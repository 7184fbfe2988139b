"""The filters of the run list as people see them: nothing of an address is lost on its way through the form."""

from __future__ import annotations

import random
from datetime import timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from dashboard.run_filters import FilterWords
from runs.filters import PARAMETERS, RunFilter
from runs.models import Environment, RunStatus, RunTrigger, SyncJobRun
from tests import factories
from tests.dashboard import states
from tests.dashboard.conftest import HTMX
from tests.runs import rows


class Form(HTMLParser):
    """What the browser sends when the filters' form is sent as it stands, without empty fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._select = ""
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._within = given.get("id") == "filter-form"
        if not self._within:
            return
        if tag == "input":
            self._send(given.get("name") or "", given.get("value") or "")
        elif tag == "select":
            self._select = given.get("name") or ""
        elif tag == "option" and "selected" in given:
            self._send(self._select, given.get("value") or "")

    def _send(self, name: str, value: str) -> None:
        if value:
            self.sent.append((name, value))


def through_the_form(client: Client, query: str) -> list[tuple[str, str]]:
    answer = client.get(f"/runs/?{query}", follow=True)
    assert answer.status_code == 200
    return sorted(Form(answer.content.decode()).sent)


def pairs(query: str) -> list[tuple[str, str]]:
    return sorted((name, value) for name, values in QueryDict(query).lists() for value in values)


class TestForm:
    VALUES = {
        "status": [*RunStatus.values, "exploded"],
        "account": ["acme", "A & B", '"quoted"', "é" * 40, str(uuid4()), str(uuid4())],
        "job": ["nightly", "<b>", str(uuid4())],
        "resource": ["crm/contacts", "cities"],
        "trigger": [*RunTrigger.values, "magic"],
        "since": ["24h", "7d", "all", "2026-11-01", "2026-11-01T12:00", "2026-11-01T12:00:00Z", "nonsense"],
        "until": ["2026-11-02", "2026-11-02T12:00:00.000Z", "9"],
        "over": ["90s", "15m", "soon"],
        "under": ["2h", "-1"],
        "slow": ["yes", "no", "perhaps"],
        "errors": ["yes", "no", "perhaps"],
        "records": ["none", "some"],
        "error": ["0192f0c1-2b3c-7d4e-8f50-112233445566", "none"],
        "unresolved": ["0192f0c1-2b3c-7d4e-8f50-112233445566", "none"],
        "open": ["failed", "warned", "odd"],
        "warning": ["any", "zero", "fall", "odd"],
        "by": ["olga"],
        "q": ["429 Too Many", "a+b=c&d", "%"],
    }

    def query(self, draw: random.Random) -> str:
        """A random address, as the list itself would write it."""
        params = QueryDict(mutable=True)
        for name in draw.sample(sorted(PARAMETERS), draw.randint(0, 6)):
            values = self.VALUES[name.removeprefix("not_")]
            many = PARAMETERS[name].many
            params.setlist(name, draw.sample(values, draw.randint(1, min(3, len(values))) if many else 1))
        return params.urlencode()

    def test_gives_back_every_address_that_it_was_made_from(self, viewer: Client, environment: Environment) -> None:
        draw = random.Random(20261126)
        for query in {self.query(draw) for _ in range(60)}:
            assert through_the_form(viewer, query) == pairs(query), query

    def test_sends_no_page_of_the_former_list(self, viewer: Client, environment: Environment) -> None:
        assert through_the_form(viewer, "status=failed&cursor=abc&utm=x") == [("status", "failed")]

    def test_shows_what_can_be_changed_there(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?account=acme&trigger=api&over=15m&since=2026-01-02").content.decode()
        assert 'name="account" value="acme"' in page
        assert '<option value="api" selected>' in page
        assert 'name="over" value="15m"' in page
        assert 'name="since" type="date" value="2026-01-02"' in page

    def test_is_answered_at_an_address_without_its_empty_fields(self, viewer: Client, run: SyncJobRun) -> None:
        answer = viewer.get("/runs/?account=&job=&trigger=api&over=&q=job:x")
        assert (answer.status_code, answer.url) == (302, "/runs/?trigger=api&job=x")

    def test_sent_empty_shows_all_runs_and_not_the_default_view(self, viewer: Client, run: SyncJobRun) -> None:
        assert viewer.get("/runs/?account=&job=").url == "/runs/?since=7d"


class TestWords:
    def words(self, query: str) -> FilterWords:
        filters = RunFilter.from_params(QueryDict(query), Environment.objects.all())
        return FilterWords(filters, filters.page(None).rows)

    def told(self, query: str) -> list[str]:
        return [f"{found.words} {found.value}".strip() for found in self.words(query).in_force]

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("", ["last 7 days"]),
            ("since=all", []),
            ("since=36h", ["last 1d 12h"]),
            ("since=2026-11-01T12:00", ["created from 1 Nov 12:00"]),
            ("status=failed&status=stopped&since=all", ["status Failed", "status Stopped"]),
            ("not_trigger=api&since=all", ["trigger is not API"]),
            ("over=15m&under=2h&since=all", ["took over 15m", "took under 2h"]),
            ("slow=yes&since=all", ["longer than usual yes"]),
            ("q=429&since=all", ["search 429"]),
            ("job=nightly&since=all", ["job nightly"]),
        ],
    )
    def test_name_each_filter_in_force(self, query: str, told: list[str]) -> None:
        assert self.told(query) == told

    def test_name_accounts_and_jobs_that_are_asked_for_by_id(self, run: SyncJobRun) -> None:
        by_id = f"account={run.integrated_account_id}&not_job={run.sync_job_id}&since=all"
        assert self.told(by_id) == ["account acme", "job is not Countries and cities"]

    def test_do_not_name_an_account_of_an_environment_that_one_may_not_see(self, run: SyncJobRun) -> None:
        stranger = factories.environment("Stranger")
        query = QueryDict(f"account={run.integrated_account_id}&since=all")
        filters = RunFilter.from_params(query, Environment.objects.filter(pk=stranger.pk))
        assert FilterWords(filters, []).in_force[0].value == str(run.integrated_account_id)

    @pytest.mark.django_db
    def test_lead_out_of_one_value_and_turn_it_round(self) -> None:
        failed, stopped, window = self.words("status=failed&not_status=stopped").in_force
        assert failed.without == "not_status=stopped"
        assert QueryDict(failed.turned) == QueryDict("not_status=stopped&not_status=failed")
        assert QueryDict(stopped.turned) == QueryDict("status=failed&status=stopped")
        assert (window.without, window.turned) == ("status=failed&not_status=stopped&since=all", None)

    def test_the_window_is_told_by_the_choice_of_periods(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/").content.decode()
        assert '<a href="?since=7d" aria-current="true">7 days</a>' in page
        assert '<a href="?since=all">All time</a>' in page


class TestEmptyList:
    def test_that_is_narrowed_names_the_filters_in_force(self, viewer: Client, run: SyncJobRun) -> None:
        page = viewer.get("/runs/?status=failed&q=nothing").content.decode()
        assert "No run matches" in page
        assert 'href="?status=failed"' in page
        assert 'href="?q=nothing"' in page
        assert 'href="?status=failed&amp;q=nothing&amp;since=all">Look at all time' in page

    def test_of_a_quiet_week_leads_to_all_time(self, viewer: Client, run: SyncJobRun) -> None:
        states.change(run, created_at=timezone.now() - timedelta(days=8))
        page = viewer.get("/runs/").content.decode()
        assert "No runs in this period" in page
        assert 'href="?since=all">Look at all time' in page

    def test_without_any_run_says_what_will_be_there(self, operator: Client) -> None:
        assert "No runs yet" in operator.get("/runs/").content.decode()


class TestNames:
    def names(self, client: Client, query: str) -> str:
        return client.get(f"/runs/names/?{query}", headers=HTMX).content.decode()

    def test_of_accounts_jobs_and_resources_are_offered(self, viewer: Client, run: SyncJobRun) -> None:
        assert '<option value="acme">' in self.names(viewer, "of=account&account=CM")
        assert '<option value="Countries and cities">' in self.names(viewer, "of=job&job=")
        assert '<option value="cities">' in self.names(viewer, "of=resource&resource=cit")
        assert "countries" not in self.names(viewer, "of=resource&resource=cit")

    def test_of_another_environment_are_not(self, outsider: Client, run: SyncJobRun) -> None:
        assert "option" not in "".join(self.names(outsider, f"of={of}") for of in ("account", "job", "resource"))

    @pytest.mark.parametrize("query", ["", "of=%00", "of=context&context=t", "of=account&account=%00"])
    def test_of_anything_else_are_no_fault(self, viewer: Client, query: str) -> None:
        self.names(viewer, query)

    def test_are_no_page(self, viewer: Client) -> None:
        assert viewer.get("/runs/names/?of=job").url == "/runs/"


def test_page_and_api_give_the_same_runs_for_20_random_filters(viewer: Client, environment: Environment) -> None:
    draw = random.Random(20261126)
    runs = _varied_runs(draw)
    token = {"Authorization": f"Bearer {factories.token(environment)}"}
    account, job = runs[0].integrated_account, runs[0].sync_job
    moment = (runs[0].created_at - timedelta(minutes=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    forms = {
        "status": ("status=failed&status=completed", "status[in]=failed,completed"),
        "not_status": ("not_status=completed", "status[ne]=completed"),
        "trigger": ("trigger=api", "trigger=api"),
        "account": (f"account={account.pk}", f"integrated_account_id={account.pk}"),
        "not_account": (f"not_account={account.pk}", f"integrated_account_id[ne]={account.pk}"),
        "job": (f"job={job.pk}", f"sync_job_id[eq]={job.pk}"),
        "resource": ("resource=cities", "resource=cities"),
        "not_resource": ("not_resource=cities", "resource[ne]=cities"),
        "over": ("over=90s", "duration[gt]=90s"),
        "under": ("under=1h", "duration[lt]=3600"),
        "errors": ("errors=yes", "has_error=true"),
        "records": ("records=none", "fetched=0"),
        "by": ("by=olga", "created_by=olga"),
        "since": (f"since={moment}", f"created_at[gte]={moment}"),
    }
    sizes = set()
    for _ in range(20):
        names = draw.sample(sorted(forms), draw.randint(1, 3))
        page_query = "&".join([*(forms[name][0] for name in names), *([] if "since" in names else ["since=all"])])
        api_query = "&".join(forms[name][1] for name in names)
        listed = [str(line.run.pk) for line in viewer.get(f"/runs/?{page_query}").context["lines"]]
        answered = viewer.get(f"/sync-job-run?{api_query}", headers=token).json()["result"]
        assert listed == [found["id"] for found in answered], names
        sizes.add(len(listed))
    assert len(sizes) > 5  # filters that all select nothing, or everything, would show little


def _varied_runs(draw: random.Random) -> list[SyncJobRun]:
    """Forty runs of the last hours that differ in all that can be asked for."""
    account = factories.account()
    accounts = [account, factories.account(integration=account.integration, tenant_id="globex")]
    jobs = [factories.job(integration=account.integration), factories.job(integration=account.integration, label="B")]
    now = timezone.now()
    runs = []
    for number in range(40):
        status = draw.choice(RunStatus.values)
        over = {"integrated_account": draw.choice(accounts), "sync_job": draw.choice(jobs), "status": status}
        over |= {"trigger": draw.choice(RunTrigger.values), "created_by": draw.choice(["olga", ""])}
        over |= {"error_count": draw.choice([0, 0, 3]), "fetched": draw.choice([0, 7])}
        [run] = rows.runs(1, start=now - timedelta(minutes=number), **over)
        if status != RunStatus.CREATED:
            began = now - timedelta(hours=1)
            ended = began + timedelta(seconds=draw.choice([5, 90, 600, 7200])) if run.finished_at else None
            SyncJobRun.objects.filter(pk=run.pk).update(started_at=began, finished_at=ended)
        if draw.random() < 0.5:
            run.steps.create(index=0, name="cities", resource="cities", method="list", incremental_key="k")
        runs.append(run)
    return runs
