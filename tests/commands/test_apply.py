"""`manage.py apply`."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.core.management import CommandError

from runs.models import AuditEntry, CronTrigger, Environment, Integration, SyncJob, Webhook
from runs.models.webhook import new_secret
from runs.services import save_trigger
from tests import factories
from tests.acceptance.deck import Prepared
from tests.commands.definitions import run

pytestmark = pytest.mark.django_db

CRM = """
    syncdeck: 1
    integrations:
      - name: crm
        label: CRM
        config:
          base_url: https://crm.example.com
          authorization: {format: bearer, config: {token: "{{context.token}}"}}
          resources:
            customers:
              list: {path: /customers}
    unified_mappings:
      - integration: crm
        model: crm
        resource: contacts
        method: list
        config: {resource: customers, response_mapping: {id: response.id}}
    sync_jobs:
      - label: Customers
        integration_name: crm
        resources:
          - resource: customers
            method: list
            persist: true
"""
SCHEDULES = """
    syncdeck: 1
    schedules:
      - integration_name: geo
        sync_job: Countries and cities
        tenant_id: acme
        cron_expression: {}
"""

Apply = Callable[..., str]


@pytest.fixture
def apply(tmp_path: Path) -> Apply:
    """Writes the texts as files 1.yaml, 2.yaml …, and applies them to the environment Test."""

    def applied(*texts: str, options: tuple[str, ...] = ("--yes",)) -> str:
        files = [tmp_path / f"{number}.yaml" for number in range(1, len(texts) + 1)]
        for file, text in zip(files, texts, strict=True):
            file.write_text(dedent(text))
        return run("apply", *map(str, files), "--environment", "Test", *options)

    return applied


def faults(apply: Apply, *texts: str) -> list[str]:
    """What the files are refused for, one line for each fault, without the folder's name."""
    with pytest.raises(CommandError) as refused:
        apply(*texts)
    *lines, last = str(refused.value).splitlines()
    assert last.endswith("nothing was done.")
    return [line[line.index(".yaml") - 1 :] for line in lines]


def exit_code(work: Callable[[], Any]) -> Any:
    with pytest.raises(SystemExit) as ended:
        work()
    return ended.value.code


def test_it_makes_what_the_files_say_and_a_second_time_nothing(apply: Apply) -> None:
    told = apply(CRM)
    assert told.splitlines()[:3] == ["+ environment Test", "+ integration crm", "    + name: crm"]
    assert "3 to create, 0 to change, 0 unchanged." in told
    made = SyncJob.objects.get()
    assert (made.label, made.integration.name, made.environment.name) == ("Customers", "crm", "Test")
    assert apply(CRM, options=()) == "Nothing to change.\n"
    assert SyncJob.objects.get().updated_at == made.updated_at


def test_a_change_is_shown_line_by_line_and_leaves_the_others_alone(apply: Apply) -> None:
    apply(CRM)
    job = SyncJob.objects.get()
    factories.webhook()
    told = apply(CRM.replace("/customers", "/clients").replace("label: CRM", "label: Ours"))
    assert [line.strip() for line in told.splitlines() if line.strip().startswith(("+", "-", "~"))] == [
        "~ integration crm",
        "- label: CRM",
        "+ label: Ours",
        "-         path: /customers",
        "+         path: /clients",
    ]
    assert "0 to create, 1 to change, 2 unchanged." in told
    assert "In the environment and in none of the files, left as they are: 1." in told
    assert SyncJob.objects.get().updated_at == job.updated_at
    assert Integration.objects.get().config["resources"]["customers"]["list"]["path"] == "/clients"


def test_a_dry_run_tells_by_its_exit_status_whether_there_is_anything_to_do(apply: Apply) -> None:
    assert exit_code(lambda: apply(CRM, options=("--dry-run",))) == 2
    assert not Environment.objects.exists()
    assert not AuditEntry.objects.exists()
    apply(CRM)
    assert apply(CRM, options=("--dry-run",)) == "Nothing to change.\n"


def test_without_a_terminal_and_without_yes_nothing_is_done(apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert exit_code(lambda: apply(CRM, options=())) == 2
    assert not Environment.objects.exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 2)])
def test_on_a_terminal_it_asks(prepared: Prepared, tmp_path: Path, answer: str, code: int) -> None:
    """In a process of its own, on a terminal of its own."""
    file = tmp_path / "crm.yaml"
    file.write_text(dedent(CRM))
    shutil.copytree(prepared.data_dir, tmp_path / "data")
    ours, its = pty.openpty()
    command = [sys.executable, "manage.py", "apply", str(file), "--environment", "Test", "--no-color"]
    place = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": ""}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=its, stdout=subprocess.PIPE, env=place, text=True) as process:
        os.write(ours, f"{answer}\n".encode())
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(its)
    assert process.returncode == code, said
    assert "Make these changes? [y/N]" in said
    assert ("Done." in said) == (code == 0)


def test_every_fault_of_all_files_is_told_with_its_line_and_nothing_is_done(apply: Apply) -> None:
    assert faults(apply, CRM.replace("label: CRM", "label: 7"), "syncdeck: 1\nsync_jobs: [\n") == [
        "1.yaml:5: integrations.0.label: must be a text.",
        "2.yaml:3: This is no plain YAML: expected the node content, but found '<stream end>'.",
    ]
    unknown = CRM.replace("method: list\n            persist", "method: lists\n            persist")
    hook = "syncdeck: 1\nwebhooks:\n  - target_url: ftp://10.0.0.1/\n"
    told = faults(apply, unknown, hook)
    assert [line.partition(": ")[0] for line in told] == ["1.yaml:22", "2.yaml:3"]
    assert "The method lists of customers is not described" in told[0]
    assert not Environment.objects.exists()


def test_what_stands_on_a_faulty_object_is_not_judged(apply: Apply) -> None:
    told = faults(apply, CRM.replace("https://crm", "ftp://crm"))
    assert len(told) == 1
    assert told[0].startswith("1.yaml:7: integrations.0.config.base_url: ")


def test_a_job_that_the_changed_integration_does_not_fit_is_refused(apply: Apply) -> None:
    apply(CRM)
    (told,) = faults(
        apply, CRM.replace("customers:\n", "clients:\n").replace("resource: customers, resp", "resource: clients, resp")
    )
    assert told.startswith("1.yaml:22: sync_jobs.0.resources.0.resource: The resource customers")
    assert "customers" in Integration.objects.get().config["resources"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1.yaml: must be an object."),
        ("[]", "1.yaml: must be an object."),
        ("webhooks: []", "1.yaml: needs syncdeck."),
        ("syncdeck: 2", "1.yaml:1: syncdeck: must be 1: it is the version of the format."),
        ("syncdeck: 1\njobs: []", "1.yaml: jobs is not known here; there are syncdeck, integrations"),
        ("syncdeck: 1\nsync_jobs: 7", "1.yaml:2: sync_jobs: must be a list."),
        ("syncdeck: 1\nsync_jobs: [{label: x}]", "1.yaml:2: sync_jobs.0: needs integration_name, resources."),
        ("syncdeck: 1\nwebhooks: [{target_url: ''}]", "1.yaml:2: webhooks.0.target_url: must not be empty."),
        ("syncdeck: 1\n---\nsyncdeck: 1", "1.yaml:2: This is no plain YAML: but found another document."),
        ("syncdeck: 1\nwebhooks: [{target_url: 'https://x', secret: whsec_abc}]", "must be a reference to a variable"),
    ],
)
def test_what_is_no_file_of_definitions_is_told(apply: Apply, text: str, fault: str) -> None:
    (told,) = faults(apply, text)
    assert fault in told
    assert "whsec_abc" not in told


def test_two_of_one_name_are_refused_in_files_and_in_the_environment(apply: Apply) -> None:
    told = faults(apply, CRM, CRM)
    assert [line.partition(" is defined")[0] for line in told] == ["2.yaml:4: integrations.0: This integration"]
    assert "before, in " in told[0]
    apply(CRM)
    factories.job(integration=Integration.objects.get(), label="Customers", resources=SyncJob.objects.get().resources)
    assert "2 jobs of the environment are called this: rename or delete one." in faults(apply, CRM)[0]


class TestReferences:
    """To variables of the environment."""

    def test_are_filled_and_what_they_stand_for_is_not_shown(
        self, apply: Apply, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = CRM.replace("{{context.token}}", "${CRM_TOKEN}").replace("/customers", '"/${CRM_PATH}/x"')
        monkeypatch.setenv("CRM_TOKEN", "a-secret-of-theirs")
        monkeypatch.setenv("CRM_PATH", "secret-path")
        told = apply(text)
        config = Integration.objects.get().config
        assert config["authorization"]["config"]["token"] == "a-secret-of-theirs"
        assert config["resources"]["customers"]["list"]["path"] == "/secret-path/x"
        assert "token: ${CRM_TOKEN}" in told
        monkeypatch.setenv("CRM_TOKEN", "another-secret")
        changed = apply(text)
        assert "-       token: '*** (before)'" in changed
        assert "+       token: ${CRM_TOKEN}" in changed
        assert not [word for word in ("a-secret", "another-secret", "secret-path") if word in told + changed]

    def test_that_are_not_set_or_are_settings_of_ours_are_faults(self, apply: Apply) -> None:
        text = CRM.replace("{{context.token}}", "${CRM_TOKEN}").replace("label: CRM", "label: ${SECRET_KEY}")
        assert faults(apply, text) == [
            "1.yaml:5: integrations.0.label: may not refer to SECRET_KEY, which is a setting of Syncdeck's own.",
            "1.yaml:8: integrations.0.config.authorization.config.token: "
            "refers to CRM_TOKEN, which is not set in the environment.",
        ]

    def test_what_they_stand_for_is_in_no_refusal(self, apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CRM_FORMAT", "a-secret-of-theirs")
        (told,) = faults(apply, CRM.replace("{path: /customers}", '{path: /x, method: "${CRM_FORMAT}"}'))
        assert "a-secret" not in told
        assert "***" in told

    def test_two_dollars_are_the_text_itself(self, apply: Apply) -> None:
        apply(CRM.replace("label: CRM", "label: $${CRM} $$${CRM} ${crm}"))
        assert Integration.objects.get().label == "${CRM} $${CRM} ${crm}"


class TestWebhooks:
    """Whose secret is made and shown once, or given by reference."""

    TEXT = "syncdeck: 1\nwebhooks:\n  - target_url: https://93.184.216.34/hook\n"

    def test_a_new_secret_is_shown_once(self, apply: Apply) -> None:
        told = apply(self.TEXT)
        assert str(Webhook.objects.get().secret) in told
        assert "whsec_" not in apply(self.TEXT)

    def test_a_given_one_is_taken_and_changed_and_never_shown(
        self, apply: Apply, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = self.TEXT + "    secret: ${HOOK_SECRET}\n"
        for secret in (new_secret(), new_secret()):
            monkeypatch.setenv("HOOK_SECRET", secret)
            told = apply(text)
            assert Webhook.objects.get().secret == secret
            assert "secret: ${HOOK_SECRET}" in told
            assert "whsec_" not in told
        assert apply(text, options=()) == "Nothing to change.\n"
        assert AuditEntry.objects.get(action="webhook.change").details == {"changes": {"secret": "***"}}

    def test_one_that_nobody_could_sign_with_is_refused(self, apply: Apply, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOOK_SECRET", "hunter22")
        (told,) = faults(apply, self.TEXT + "    secret: ${HOOK_SECRET}\n")
        assert told == "1.yaml:4: webhooks.0.secret: must be whsec_ and base64 of 24 to 64 bytes."

    def test_one_that_is_switched_off_stays_off_unless_the_file_says_on(self, apply: Apply) -> None:
        apply(self.TEXT)
        Webhook.objects.update(is_active=False)
        assert apply(self.TEXT, options=()) == "Nothing to change.\n"
        assert "-     is_active: false" in apply(self.TEXT + "    is_active: true\n").replace("- is", "-     is")
        assert Webhook.objects.get().is_active

    def test_an_address_that_may_not_be_called_is_refused_by_its_line(self, apply: Apply) -> None:
        (told,) = faults(apply, self.TEXT.replace("https:", "ftp:"))
        assert told.startswith("1.yaml:3: webhooks.0.target_url: ")


class TestSchedules:
    """Known by the run that they start."""

    @pytest.fixture
    def schedule(self) -> CronTrigger:
        return factories.trigger()

    def test_another_time_is_a_change_and_no_second_schedule(self, apply: Apply, schedule: CronTrigger) -> None:
        told = apply(SCHEDULES.format("30 6 * * 1-5"))
        assert "~ schedule Countries and cities for acme at 30 6 * * 1-5 (geo)" in told
        changed = CronTrigger.objects.get()
        assert (changed.pk, changed.cron_expression) == (schedule.pk, "30 6 * * 1-5")

    def test_the_same_time_in_other_words_is_no_change(self, apply: Apply, schedule: CronTrigger) -> None:
        assert apply(SCHEDULES.format("0  6 * * *"), options=()).startswith("Nothing to change.")

    def test_the_account_may_be_named_by_its_id(self, apply: Apply, schedule: CronTrigger) -> None:
        text = SCHEDULES.replace("tenant_id: acme", f"integrated_account_id: {schedule.integrated_account_id}")
        assert apply(text.format("0 6 * * *"), options=()).startswith("Nothing to change.")

    def test_one_more_of_the_same_run_is_made_and_then_each_is_known_by_its_time(
        self, apply: Apply, schedule: CronTrigger
    ) -> None:
        head, schedules, one = SCHEDULES.partition("schedules:\n")
        both = head + schedules + one.format("0 6 * * *") + one.format("0 18 * * *")
        assert "1 to create, 0 to change, 1 unchanged." in apply(both)
        assert apply(both, options=()).startswith("Nothing to change.")
        told = faults(apply, both.replace(" 6 ", " 7 ").replace(" 18 ", " 19 "))
        assert len(told) == 2
        assert "2 schedules of the environment start the same run at other times" in told[0]

    def test_other_arguments_or_a_full_sync_are_another_schedule(self, apply: Apply, schedule: CronTrigger) -> None:
        apply(SCHEDULES.format("0 6 * * *\n        ignore_previous_run: true"))
        assert CronTrigger.objects.count() == 2

    def test_a_schedule_disarmed_by_hand_stays_so(self, apply: Apply, schedule: CronTrigger) -> None:
        save_trigger(schedule.environment, {"is_active": False}, schedule)
        assert apply(SCHEDULES.format("0 6 * * *"), options=()).startswith("Nothing to change.")
        apply(SCHEDULES.format("0 6 * * *\n        is_active: true"))
        assert CronTrigger.objects.get().next_run_at is not None

    @pytest.mark.parametrize(
        ("given", "instead", "fault"),
        [
            ("tenant_id: acme", "tenant_id: nobody", "1.yaml:6: schedules.0.tenant_id: nobody has no account of geo"),
            (
                "sync_job: Countries",
                "sync_job: No countries",
                "schedules.0.sync_job: No countries and cities is no job",
            ),
            ("name: geo", "name: crm", "1.yaml:4: schedules.0.integration_name: crm is no integration"),
            ("0 6 * * *", "0 6 31 2 *", "1.yaml:7: schedules.0.cron_expression: "),
            (
                "tenant_id: acme",
                "integrated_account_id: seven",
                "integrated_account_id: is no account of the environment.",
            ),
            ("tenant_id: acme", "args: {}", "needs either tenant_id or integrated_account_id"),
            ("0 6 * * *", "0 6 * * *\n        webhook: https://x.example", "is the address of no webhook"),
        ],
    )
    def test_what_it_names_has_to_be_there(
        self, apply: Apply, schedule: CronTrigger, given: str, instead: str, fault: str
    ) -> None:
        (told,) = faults(apply, SCHEDULES.format("0 6 * * *").replace(given, instead))
        assert fault in told


def test_the_audit_list_tells_what_was_done_and_by_whom(apply: Apply) -> None:
    apply(CRM)
    lines = AuditEntry.objects.exclude(action="environment.create")
    assert set(lines.values_list("action", flat=True)) == {"integration.create", "mapping.create", "job.create"}
    assert all(lines.values_list("actor", flat=True))
