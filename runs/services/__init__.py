"""The one home of every operation. API, pages, admin, commands and schedules call these, and nothing else writes."""

from runs.services.args_schema import ArgField, args_fields
from runs.services.definitions import (
    delete_account,
    delete_integration,
    delete_job,
    save_account,
    save_integration,
    save_job,
)
from runs.services.run_request import RunRequest
from runs.services.runs import Origin, create_run, request_stop, rerun, rerun_window
from runs.services.tokens import issue_token, revoke_token

__all__ = [
    "ArgField",
    "Origin",
    "RunRequest",
    "args_fields",
    "create_run",
    "delete_account",
    "delete_integration",
    "delete_job",
    "issue_token",
    "request_stop",
    "rerun",
    "rerun_window",
    "revoke_token",
    "save_account",
    "save_integration",
    "save_job",
]
