"""Whether an answer is what was asked for. Its status says so, and where there is one, `error_expression`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from runs.connectors.casts import as_text
from runs.connectors.errors import AuthenticationFailed, ExpressionFailed, RequestFailed
from runs.connectors.expressions import Expression, evaluated
from runs.connectors.pagination.ends import counted
from runs.connectors.paths import MISSING
from runs.connectors.rate_limit import LimitTold
from runs.connectors.redaction import masked_start
from runs.connectors.reply import Reply
from runs.connectors.response import check_status, parse_body
from runs.connectors.slices import sliced_body
from runs.connectors.spec import MethodSpec
from runs.depth import MAX_DEPTH

LONGEST_MESSAGE = 500
KEY = "error_expression"


@dataclass(frozen=True)
class Fault:
    """What `error_expression` gives: a text, or `{message, code, status}` of which each may be missing; true and lists
    of texts are taken too."""

    message: str
    status: int | None = None

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """None where the expression says that there is no error: null, false, and all that is empty."""
        if not value:
            return None
        if not isinstance(value, Mapping):
            return cls("" if value is True else _sentence(value))
        status = counted(value.get("status"))
        message, code = (_sentence(value.get(key)) for key in ("message", "code"))
        told = f"{message} ({code})" if message and code else message or code or _sentence(value)
        return cls(told, status if status is not None and 400 <= status <= 599 else None)

    def error(self, reply: Reply) -> RequestFailed:
        """The answer's error. A status of the fault's own counts instead of the answer's."""
        status = self.status or reply.status_code
        answered = f"The source answered {reply.status_code} {reply.reason}".strip()
        kind = AuthenticationFailed if status == 401 else RequestFailed
        return kind(
            f"http_{status}" if status >= 400 else "source_error",
            f"{answered}: {self.message}" if self.message else f"{answered}, and {KEY} says that it is an error.",
            status_code=status,
            excerpt=reply.excerpt,
            permanent=status < 500,
        )


def body_of(reply: Reply, method: MethodSpec, *, sliced: bool = False, levels: int = MAX_DEPTH) -> Any:
    """The parsed body of an answer that is a success by its status and by the method's `error_expression`.

    `sliced`: with slices instead of the records, where that is possible and none of them has more `levels`.

    Raises RequestFailed, and LimitTold where the expression gives the status 429. The expression only adds errors and
    words: where it says nothing, or fails, on an answer with an error's status, that one counts.
    """
    rule = method.error_expression
    if not 200 <= reply.status_code < 300:
        fault = None if rule is None else _fault_of_an_error(reply, rule)
        if fault is None:
            check_status(reply)
        else:
            _raise(fault, reply)
    if sliced and method.may_be_sliced:
        body = sliced_body(reply, method.response_path, method.record_id, levels)
        if body is not MISSING:
            return body
    body = parse_body(reply, may_be_empty=method.is_write)
    fault = None if rule is None else Fault.read(evaluated(rule, _roots(reply, body), KEY))
    if fault is not None:
        _raise(fault, reply)
    return body


def _raise(fault: Fault, reply: Reply) -> None:
    if fault.status == 429:
        raise LimitTold(reply)
    raise fault.error(reply)


def _fault_of_an_error(reply: Reply, rule: Expression) -> Fault | None:
    try:
        body = parse_body(reply, may_be_empty=True)
    except RequestFailed:  # an error need not be JSON
        body = reply.excerpt
    try:
        return Fault.read(rule.evaluate(_roots(reply, body)))
    except ExpressionFailed:
        return None


def _roots(reply: Reply, body: Any) -> dict[str, Any]:
    return {"response": body, "data": body, "headers": reply.headers, "status": reply.status_code}


def _sentence(value: Any) -> str:
    """The value as people read it, of a bounded length."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_sentence(item) for item in value[:10])[:LONGEST_MESSAGE]
    return masked_start(json.dumps(value) if isinstance(value, Mapping) else as_text(value), LONGEST_MESSAGE)
