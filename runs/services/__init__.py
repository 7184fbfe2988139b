"""The one home of every operation. API, pages, admin, commands and schedules call these, and nothing else writes."""

from runs.services.alerts import delete_alert_rule, mute_alert_rule, save_alert_rule, send_test_alert
from runs.services.applying import Application, AppliedPart, apply_definitions, look_at
from runs.services.args_schema import ArgField, args_fields
from runs.services.audit import changes_between, note
from runs.services.authorizing import (
    AuthorizationAnswer,
    Connected,
    Consent,
    begin_authorization,
    consent,
    consent_of,
    finish_authorization,
)
from runs.services.bulk import MOST_RUNS, BulkOrder, RunSet, SetChanged, TooManyRuns, cancel_bulk, run_set, start_bulk
from runs.services.bulk_work import carry_out
from runs.services.catalog import CatalogState, LoadedPart, Outcome, ShelfLine, catalog_entry, load_entry, shelf
from runs.services.connection import ConnectionTest, check_connection
from runs.services.connection_words import advice
from runs.services.credentials import CredentialField, create_account, credential_fields, give_credentials
from runs.services.definitions import job_failures, job_labelled, save_account, save_integration, save_job
from runs.services.deletion import (
    delete_account,
    delete_integration,
    delete_job,
    delete_webhook,
    finish_deletions,
)
from runs.services.dry_results import DryEntry, DryOutcome, DryRun, Sample
from runs.services.dry_run import dry_run
from runs.services.environments import create_environment, rename_environment
from runs.services.error_groups import note_cause
from runs.services.exporting import ExportedObject, exported
from runs.services.failures import acknowledge_failure, acknowledge_failures, reopen_failure
from runs.services.firing import fire_due
from runs.services.mappings import delete_mapping, save_mapping
from runs.services.pass_through import Asked, PassedThrough, pass_through
from runs.services.people import (
    change_person,
    create_person,
    end_sessions,
    may_manage,
    password_link,
    people_of,
    save_preferences,
    set_access,
    set_password,
)
from runs.services.plans import EntryKind, PlannedEntry, job_plan, offered, plan_of
from runs.services.rerun_plan import RerunPlan, Window, rerun_plan, rerun_window
from runs.services.retention import prune, prune_daily
from runs.services.rotation import KeyTally, key_tally, rotate_keys
from runs.services.run_request import RunRequest, mode_failures
from runs.services.runs import Origin, create_run, force_stop, request_stop, rerun
from runs.services.tokens import issue_token, revoke_token
from runs.services.triggers import (
    arm_trigger,
    delete_trigger,
    disarm,
    disarm_trigger,
    expression_failures,
    run_now,
    save_trigger,
)
from runs.services.views import change_view, delete_view, move_view_left, open_with, rename_view, save_view
from runs.services.webhooks import resend, save_webhook, send_test

__all__ = [
    "MOST_RUNS",
    "Application",
    "AppliedPart",
    "ArgField",
    "Asked",
    "AuthorizationAnswer",
    "BulkOrder",
    "CatalogState",
    "Connected",
    "ConnectionTest",
    "Consent",
    "CredentialField",
    "DryEntry",
    "DryOutcome",
    "DryRun",
    "EntryKind",
    "ExportedObject",
    "KeyTally",
    "LoadedPart",
    "Origin",
    "Outcome",
    "PassedThrough",
    "PlannedEntry",
    "RerunPlan",
    "RunRequest",
    "RunSet",
    "Sample",
    "SetChanged",
    "ShelfLine",
    "TooManyRuns",
    "Window",
    "acknowledge_failure",
    "acknowledge_failures",
    "advice",
    "apply_definitions",
    "args_fields",
    "arm_trigger",
    "begin_authorization",
    "cancel_bulk",
    "carry_out",
    "catalog_entry",
    "change_person",
    "change_view",
    "changes_between",
    "check_connection",
    "consent",
    "consent_of",
    "create_account",
    "create_environment",
    "create_person",
    "create_run",
    "credential_fields",
    "delete_account",
    "delete_alert_rule",
    "delete_integration",
    "delete_job",
    "delete_mapping",
    "delete_trigger",
    "delete_view",
    "delete_webhook",
    "disarm",
    "disarm_trigger",
    "dry_run",
    "end_sessions",
    "exported",
    "expression_failures",
    "finish_authorization",
    "finish_deletions",
    "fire_due",
    "force_stop",
    "give_credentials",
    "issue_token",
    "job_failures",
    "job_labelled",
    "job_plan",
    "key_tally",
    "load_entry",
    "look_at",
    "may_manage",
    "mode_failures",
    "move_view_left",
    "mute_alert_rule",
    "note",
    "note_cause",
    "offered",
    "open_with",
    "pass_through",
    "password_link",
    "people_of",
    "plan_of",
    "prune",
    "prune_daily",
    "rename_environment",
    "rename_view",
    "reopen_failure",
    "request_stop",
    "rerun",
    "rerun_plan",
    "rerun_window",
    "resend",
    "revoke_token",
    "rotate_keys",
    "run_now",
    "run_set",
    "save_account",
    "save_alert_rule",
    "save_integration",
    "save_job",
    "save_mapping",
    "save_preferences",
    "save_trigger",
    "save_view",
    "save_webhook",
    "send_test",
    "send_test_alert",
    "set_access",
    "set_password",
    "shelf",
    "start_bulk",
]
