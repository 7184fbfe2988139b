"""The pages of a run's log, and its files."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.test import Client

from runs.models import RecordError, RunEvent, SyncJobRun
from tests.dashboard import states
from tests.dashboard.conftest import HTMX
from tests.runs.long_log import write_log


@pytest.fixture
def log_url(run_url: str) -> str:
    return f"{run_url}log/"


def error(run: SyncJobRun, **over: object) -> RecordError:
    values = {"run": run, "step": run.steps.first(), "resource": "cities", "method": "list", "code": "http_error"}
    return RecordError.objects.create(**{**values, "message": "It broke.", **over})


def told(client: Client, address: str, **options: object) -> str:
    answer = client.get(address, **options)
    assert answer.status_code == 200
    return answer.content.decode()


def numbers(page: str) -> list[str]:
    return re.findall(r"(?:event|error) \d+", page)


NOWHERE = "0192f0c1-2b3c-7d4e-8f50-112233445566"


class TestPage:
    def test_leads_back_and_forth(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        write_log(run, events=150, errors=150)
        last = told(viewer, log_url)
        earlier = unescape(re.search(r'rel="prev" href="([^"]+)"', last)[1])
        before = told(viewer, log_url + earlier)
        assert not set(numbers(last)) & set(numbers(before))
        later = unescape(re.search(r'rel="next" href="([^"]+)"', before)[1])
        assert numbers(told(viewer, log_url + later)) == numbers(last)

    def test_on_the_runs_page_is_its_end_with_a_way_back(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        write_log(run, events=300, errors=0)
        page = told(viewer, run_url)
        assert page.count('<li id="l-') == 200
        earlier = unescape(re.search(r'hx-get="([^"]+cursor=[^"]+)"', page)[1])
        fragment = told(viewer, earlier, headers=HTMX)
        assert fragment.count('<li id="l-') == 101
        assert "log-earlier" not in fragment
        assert "<html" not in fragment

    def test_keeps_its_filter_when_it_leads_back(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        write_log(run, events=300, errors=300)
        page = told(viewer, f"{log_url}?level=error&q=error")
        earlier = unescape(re.search(r'rel="prev" href="([^"]+)"', page)[1])
        assert "level=error&q=error" in earlier
        assert set(re.findall(r"(event|error) \d+ x", told(viewer, log_url + earlier))) == {"error"}

    def test_narrowed_in_place_is_the_list_alone(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        error(run)
        fragment = told(viewer, f"{log_url}?level=error", headers=HTMX)
        assert fragment.lstrip().startswith('<section id="log"')
        assert fragment.count('<li id="l-') == 1

    def test_goes_to_the_first_error_and_marks_it(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        write_log(run, events=300, errors=0)
        first = error(run)
        write_log(run, events=0, errors=250, start=first.created_at)
        page = told(viewer, f"{log_url}?at=first-error")
        assert re.search(rf'<li id="l-{first.pk}" class="error at"><span id="line">', page)

    def test_says_that_nothing_matches(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        assert "No line matches" in told(viewer, f"{log_url}?q=nowhere")

    @pytest.mark.parametrize("odd", ["cursor=odd", "at=odd", f"at={NOWHERE}", "level=loud", "q=%00", "cursor="])
    def test_takes_what_it_can_not_read_for_nothing(self, viewer: Client, log_url: str, odd: str) -> None:
        page = told(viewer, f"{log_url}?{odd}")
        assert "Created by a test" in page
        assert ('<p class="problem"' in page) == odd.startswith(("level", "q"))

    def test_shows_what_a_source_says_as_text(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        error(run, message="<b>bold</b>", record_id="<i>", resource="<s>")
        page = told(viewer, run_url)
        assert "&lt;b&gt;bold&lt;/b&gt;" in page
        assert "<b>bold</b>" not in page

    def test_has_the_whole_of_a_line_behind_it(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        found = error(run, message="x" * 5_000 + "the end", excerpt="<h1>Sorry</h1>", url="https://api.example.org/")
        page = told(viewer, f"{log_url}{found.pk}/")
        assert "the end" in page
        assert "&lt;h1&gt;Sorry&lt;/h1&gt;" in page
        assert "<html" not in told(viewer, f"{log_url}{found.pk}/", headers=HTMX)
        event = states.tell(run, "Something happened.")
        assert "Something happened." in told(viewer, f"{log_url}{event.pk}/")

    def test_has_no_line_of_another_run(self, viewer: Client, run: SyncJobRun, log_url: str) -> None:
        assert viewer.get(f"{log_url}{NOWHERE}/").status_code == 404


class TestFile:
    def content(self, client: Client, address: str) -> str:
        answer = client.get(address)
        assert answer.streaming
        assert answer["Content-Disposition"].startswith("attachment;")
        return b"".join(answer).decode()

    def test_of_text_has_every_line(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        write_log(run, events=1_500, errors=1_500)
        lines = self.content(viewer, f"{run_url}log.txt").splitlines()
        assert lines[0].startswith(f"# Run {run.pk}")
        assert len(lines) == 1 + 1 + 3_000

    def test_of_json_has_an_object_a_line(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        error(run)
        lines = self.content(viewer, f"{run_url}log.jsonl").splitlines()
        assert [json.loads(line)["kind"] for line in lines] == ["created", "record_error"]

    def test_has_times_in_the_readers_zone(self, viewer: Client, run: SyncJobRun, run_url: str) -> None:
        person = viewer.get("/").wsgi_request.user
        person.time_zone = "Asia/Kathmandu"
        person.save()
        assert "+05:45  INFO" in self.content(viewer, f"{run_url}log.txt")

    @pytest.mark.parametrize("name", ["log.txt", "log.jsonl", "incident.md", "incident.json"])
    def test_of_a_run_elsewhere_does_not_exist(self, outsider: Client, run_url: str, name: str) -> None:
        assert outsider.get(run_url + name).status_code == 404

    @pytest.mark.parametrize("name", ["log.txt", "log.jsonl"])
    def test_is_not_read_for_its_headers_alone(self, viewer: Client, run_url: str, name: str) -> None:
        answer = viewer.head(run_url + name)
        assert (answer.status_code, b"".join(answer)) == (200, b"")


def test_a_secret_named_argument_is_masked_on_the_page(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    SyncJobRun.objects.filter(pk=run.pk).update(args={"api_key": "hunter2hunter2", "region": "eu"})
    page = told(viewer, run_url)
    assert "hunter2" not in page
    assert "region" in page


def test_the_incident_is_a_file_in_either_form(viewer: Client, run: SyncJobRun, run_url: str) -> None:
    states.failed(run)
    RunEvent.objects.filter(run=run).update(message="It was created.")
    text = viewer.get(f"{run_url}incident.md")
    assert text["Content-Disposition"] == f'attachment; filename="run-{run.pk}.md"'
    assert "It was created." in text.content.decode()
    told_as_json = viewer.get(f"{run_url}incident.json").json()
    assert told_as_json["run"]["id"] == str(run.pk)
