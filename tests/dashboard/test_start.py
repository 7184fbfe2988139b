"""The form that starts a run: its fields come from the job's `args_schema`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from runs.models import IntegratedAccount, RunTrigger, SyncJob, SyncJobRun
from tests import factories

SCHEMA = {
    "slug": {"type": "string", "required": True, "description": "Such as gh/acme."},
    "days": {"type": "integer", "default": 30},
    "share": {"type": "number"},
    "archived": {"type": "boolean"},
    "branches": {"type": "array"},
    "options": {"type": "object"},
    "depth": {"type": "string", "enum": ["shallow", "full"]},
}


@pytest.fixture
def account(environment: object) -> IntegratedAccount:
    return factories.account()


@pytest.fixture
def job(account: IntegratedAccount) -> SyncJob:
    return factories.job(integration=account.integration, args_schema=SCHEMA)


@pytest.fixture
def address(job: SyncJob) -> str:
    return f"/jobs/{job.pk}/run/"


@pytest.fixture
def filled(account: IntegratedAccount) -> dict[str, Any]:
    return {
        "account": str(account.pk),
        "error_handling": "ignore",
        "daemon_group_key": "default",
        "args.slug": "gh/acme",
    }


class TestFields:
    def test_have_the_type_of_their_argument(self, operator: Client, address: str) -> None:
        page = operator.get(address).content.decode()
        assert '<input type="text" name="args.slug" required' in page
        assert '<input type="number" name="args.days" value="30"' in page
        assert '<textarea name="args.branches"' in page
        assert '<option value="shallow">shallow</option>' in page
        assert "Such as gh/acme." in page

    @pytest.mark.parametrize(
        ("argument", "option"),
        [
            ({"type": "boolean", "default": False}, '<option value="false" selected>'),
            ({"type": "integer", "enum": [1, 2], "default": 2}, '<option value="2" selected>'),
            ({"type": "string", "enum": ["a", "b"], "default": "b"}, '<option value="b" selected>'),
            ({"type": "boolean"}, '<option value="" selected>not given'),
        ],
    )
    def test_start_with_the_default_chosen(
        self, operator: Client, job: SyncJob, address: str, argument: dict[str, Any], option: str
    ) -> None:
        SyncJob.objects.update(args_schema={"chosen": argument})
        assert option in operator.get(address).content.decode()

    def test_are_one_for_json_when_the_job_declares_none(self, operator: Client, job: SyncJob, address: str) -> None:
        SyncJob.objects.update(args_schema={})
        assert '<textarea name="args"' in operator.get(address).content.decode()

    def test_that_are_one_have_one_name(self, operator: Client, job: SyncJob, address: str) -> None:
        assert "<legend>Arguments</legend>" in operator.get(address).content.decode()
        SyncJob.objects.filter(pk=job.pk).update(args_schema={})
        assert "<legend>Arguments</legend>" not in operator.get(address).content.decode()

    def test_offer_accounts_of_the_jobs_integration_only(self, operator: Client, address: str) -> None:
        factories.account(integration=factories.integration(name="other"), tenant_id="stranger")
        assert "stranger" not in operator.get(address).content.decode()

    def test_offer_batches_with_version_2_only(self, operator: Client, job: SyncJob, address: str) -> None:
        assert 'value="batch"' not in operator.get(address).content.decode()
        SyncJob.objects.update(default_runtime_version=2)
        assert 'value="batch"' in operator.get(address).content.decode()

    def test_stand_below_the_names_of_what_is_fetched(self, operator: Client, job: SyncJob, address: str) -> None:
        named = [{"resource": "cities", "name": "<b>" if place == 0 else ""} for place in range(8)]
        SyncJob.objects.filter(pk=job.pk).update(resources=[*named, "no entry"])

        listed = ", ".join(["<b>&lt;b&gt;</b>", *["<b>cities</b>"] * 7])
        assert f"Fetches {listed} and more of Geo." in operator.get(address).content.decode()

    @pytest.mark.parametrize("resources", [{}, [None, "x"], 7])
    def test_stand_there_though_a_job_has_no_entries_that_are_some(
        self, operator: Client, job: SyncJob, address: str, resources: Any
    ) -> None:
        SyncJob.objects.filter(pk=job.pk).update(resources=resources)

        assert operator.get(address).status_code == 200

    def test_are_replaced_by_a_hint_when_there_is_no_account(
        self, operator: Client, job: SyncJob, address: str
    ) -> None:
        IntegratedAccount.objects.all().delete()
        assert "No account to run it for" in operator.get(address).content.decode()


class TestSending:
    def test_starts_a_run_in_the_senders_name_and_goes_to_it(
        self, operator: Client, address: str, filled: dict[str, Any]
    ) -> None:
        answer = operator.post(address, {**filled, "ignore_previous_run": "on"})
        run = SyncJobRun.objects.get()
        assert answer.url == f"/runs/{run.pk}/"
        assert (run.trigger, run.created_by, run.ignore_previous_run) == (RunTrigger.DASHBOARD, "olga", True)

    def test_gives_the_arguments_in_their_types(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        typed = {
            "args.days": "7",
            "args.share": "0.5",
            "args.archived": "false",
            "args.branches": "main\n  dev \n\n",
            "args.options": '{"deep": true}',
            "args.depth": "full",
        }
        operator.post(address, filled | typed)
        assert SyncJobRun.objects.get().args == {
            "slug": "gh/acme",
            "days": 7,
            "share": 0.5,
            "archived": False,
            "branches": ["main", "dev"],
            "options": {"deep": True},
            "depth": "full",
        }

    def test_leaves_empty_arguments_to_their_defaults(
        self, operator: Client, address: str, filled: dict[str, Any]
    ) -> None:
        operator.post(address, {**filled, "args.days": "", "args.branches": ""})
        assert SyncJobRun.objects.get().args == {"slug": "gh/acme", "days": 30}

    def test_reads_a_list_in_json(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        operator.post(address, {**filled, "args.branches": "[1, 2]"})
        assert SyncJobRun.objects.get().args["branches"] == [1, 2]

    def test_sends_undeclared_arguments_as_one_object(
        self, operator: Client, address: str, filled: dict[str, Any]
    ) -> None:
        SyncJob.objects.update(args_schema={})
        operator.post(address, {**filled, "args": '{"any": [1]}'})
        assert SyncJobRun.objects.get().args == {"any": [1]}


class TestFaults:
    def test_stand_beside_their_fields(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        answer = operator.post(address, {**filled, "args.slug": ""})
        field = answer.content.decode().split('name="args.slug"')[1].split('<div class="field')[0]
        assert answer.status_code == 400
        assert "is required." in field
        assert not SyncJobRun.objects.exists()

    @pytest.mark.parametrize("text", ["{", "[1]", '"x"', "1"])
    def test_name_what_is_no_json_object(
        self, operator: Client, address: str, filled: dict[str, Any], text: str
    ) -> None:
        answer = operator.post(address, {**filled, "args.options": text})
        assert answer.status_code == 400
        assert "JSON" in answer.context["form"].errors["args.options"][0]

    def test_of_no_field_stand_above_the_form(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        SyncJob.objects.update(resources=[{"resource": "planets", "method": "list"}])
        answer = operator.post(address, filled)
        assert answer.status_code == 400
        assert "planets" in answer.context["form"].non_field_errors()[0]

    @pytest.mark.parametrize("argument", ["branches", "options"])
    def test_refuse_what_is_nested_without_end(
        self, operator: Client, address: str, filled: dict[str, Any], argument: str
    ) -> None:
        answer = operator.post(address, {**filled, f"args.{argument}": "[" * 5000})
        assert answer.status_code == 400
        assert "This is nested too deeply." in answer.content.decode()

    def test_keep_what_was_typed(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        page = operator.post(address, {**filled, "args.slug": "", "args.options": "{broken"}).content.decode()
        assert "{broken</textarea>" in page

    def test_an_account_of_another_environment_is_none(
        self, operator: Client, address: str, filled: dict[str, Any]
    ) -> None:
        elsewhere = factories.integration(environment=factories.environment("Elsewhere"))
        stranger = factories.account(integration=elsewhere)
        assert operator.post(address, {**filled, "account": str(stranger.pk)}).status_code == 400


class TestSecondLiveRun:
    @pytest.fixture(autouse=True)
    def first(self, operator: Client, address: str, filled: dict[str, Any]) -> SyncJobRun:
        operator.post(address, filled)
        return SyncJobRun.objects.get()

    def test_is_refused_with_a_link_to_the_first(
        self, operator: Client, address: str, filled: dict[str, Any], first: SyncJobRun
    ) -> None:
        answer = operator.post(address, filled)
        assert answer.status_code == 409
        assert f'href="/runs/{first.pk}/"' in answer.content.decode()

    def test_can_be_forced_only_then(self, operator: Client, address: str, filled: dict[str, Any]) -> None:
        assert 'name="force"' not in operator.get(address).content.decode()
        assert 'name="force"' in operator.post(address, filled).content.decode()
        operator.post(address, {**filled, "force": "on"})
        assert SyncJobRun.objects.count() == 2
