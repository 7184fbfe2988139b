"""Reading what a source answered: tolerant of odd values, strict about its shape."""

from __future__ import annotations

import json
from typing import Any

from runs.connectors.deep_records import cut_off
from runs.connectors.errors import AuthenticationFailed, RequestFailed
from runs.connectors.paths import MISSING, lookup
from runs.connectors.reply import NOT_STRICT, Reply
from runs.connectors.spec import MethodSpec


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # of over 4,300 digits
        return float(digits)


_TOLERANT = json.JSONDecoder(strict=False)  # control characters in strings: the store drops those it can't hold
_TOLERANT_OF_NUMBERS = json.JSONDecoder(strict=False, parse_int=_integer)
_KINDS = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "true or false"}


def check_status(reply: Reply) -> None:
    """Raises AuthenticationFailed for a 401, RequestFailed for anything else that is no success."""
    status = reply.status_code
    if 200 <= status < 300:
        return
    kind = AuthenticationFailed if status == 401 else RequestFailed
    raise kind(
        f"http_{status}",
        f"The source answered {status} {reply.reason}".strip() + ".",
        status_code=status,
        excerpt=reply.excerpt,
        permanent=status < 500,
    )


def parse_body(reply: Reply, *, may_be_empty: bool = False) -> Any:
    """The body as JSON; None for an empty one where that is allowed. Raises RequestFailed if it is no JSON.

    NaN, infinities, NUL and lone surrogates come through as Python has them, so that one odd record does not cost the
    page. Integers of over 4,300 digits are read as infinity, as JavaScript does, and null stands for what lies far
    deeper than a record may.
    """
    strictly = reply.strictly
    return _tolerantly(reply, may_be_empty=may_be_empty) if strictly is NOT_STRICT else strictly


def _tolerantly(reply: Reply, *, may_be_empty: bool) -> Any:
    text = _text(reply)
    if may_be_empty and not text.strip():
        return None
    try:
        return _read_as_deep_as_it_goes(text, reply)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in ("{", "["):  # JSON that breaks off: the source or the way may do better next time
            message = f"The body is broken JSON: {error.msg} at character {error.pos}."
            raise _failed(reply, "broken_body", message, permanent=False) from error
        raise _failed(reply, "wrong_shape", "The body is no JSON." if text.strip() else "The body is empty.") from error


def _read_as_deep_as_it_goes(text: str, reply: Reply) -> Any:
    """With what lies too deep cut off: the records that it is of tell it by their depth, and the others are kept."""
    try:
        return _decoded(text)
    except RecursionError as error:
        shallower = cut_off(text)
        if shallower is None:
            raise _failed(reply, "too_deep", "The body is nested too deeply.") from error
    return _decoded(shallower)


def _decoded(text: str) -> Any:
    try:
        return _TOLERANT.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of over 4,300 digits
        return _TOLERANT_OF_NUMBERS.decode(text)


def _text(reply: Reply) -> str:
    charset = reply.charset or json.detect_encoding(reply.body)
    try:
        return reply.body.decode(charset).removeprefix("\ufeff")
    except (LookupError, UnicodeError) as error:
        raise _failed(reply, "bad_encoding", f"The body is not {charset}, as it should be.") from error


def records_in(body: Any, method: MethodSpec, reply: Reply) -> list[Any]:
    """The page's records. Raises RequestFailed if they are not where the method's spec says: a wrong shape is never
    taken for an empty list. Only a write may be answered without one."""
    if method.is_write and body is None:
        return []
    found = body if method.response_path is None else lookup(body, method.response_path)
    if isinstance(found, method.answers):
        return found if isinstance(found, list) else [found]
    where = f"at {method.response_path}" if method.response_path else "as the body"
    what = "nothing" if found is MISSING else _KINDS.get(type(found), "a number")
    wanted = " or ".join(_KINDS[kind] for kind in method.answers)
    raise _failed(reply, "wrong_shape", f"{wanted.capitalize()} was expected {where}; there is {what}.")


def _failed(reply: Reply, code: str, message: str, *, permanent: bool = True) -> RequestFailed:
    return RequestFailed(code, message, status_code=reply.status_code, excerpt=reply.excerpt, permanent=permanent)
