"""What an error of one request or record means for its run. Decides only; the runner carries it out."""

from __future__ import annotations

from enum import StrEnum

from runs.connectors import AuthenticationFailed, RequestFailed
from runs.models import ErrorHandling


class Verdict(StrEnum):
    GO_ON = "go_on"
    FAIL = "fail"


def judge(error_handling: str, error: RequestFailed | None = None) -> Verdict:
    """The verdict on a failed request, or (without one) on a record that can't be stored.

    Refused credentials end every run: no later request can succeed (contract 3.7).
    """
    if isinstance(error, AuthenticationFailed) or error_handling == ErrorHandling.FAIL_FAST:
        return Verdict.FAIL
    return Verdict.GO_ON
