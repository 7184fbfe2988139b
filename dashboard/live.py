"""Live pages by polling: what the browser has, what has changed since, and when to stop asking.

The page carries one poller element with the versions of what it shows. An answer is 204 when nothing has changed,
else the changed parts as out-of-band swaps together with the next poller; 286 ends the polling (htmx's own code).
Many tabs ask the same: `shared` computes what they are told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from time import time
from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

OK = 200
STOP_POLLING = 286
NOTHING_NEW = 204
MAX_LINES = 100  # more than a page of the list shows
TICK = 1.0  # seconds within which all that ask the same are told the same
TOLD_FOR = 15  # seconds after which an answer is computed anew, though the state is the same
LARGEST = 64 * 1024  # bytes of an answer that is kept
_LOCKS = [Lock() for _ in range(64)]


def version_of(*facts: object) -> str:
    """A short token that differs when any fact does."""
    return hashlib.blake2s(repr([str(fact) for fact in facts]).encode(), digest_size=4).hexdigest()


def known_lines(params: QueryDict) -> dict[UUID, str]:
    """The versions of the runs that the browser shows, from `ids` and `v`; what cannot be read is left out."""
    ids, versions = params.get("ids", "").split(","), params.get("v", "").split(",")
    versions += [""] * len(ids)
    pairs = [(_uuid(text), version) for text, version in zip(ids, versions, strict=False)]
    return {run_id: version for run_id, version in pairs[:MAX_LINES] if run_id is not None}


def known_parts(params: QueryDict, names: Iterable[str]) -> dict[str, str]:
    """The versions of the parts of one page, from `v`: `name-version` joined by dots."""
    found = dict(part.split("-", 1) for part in params.get("v", "").split(".") if "-" in part)
    return {name: found.get(name, "") for name in names}


def parts_token(versions: Mapping[str, str]) -> str:
    return ".".join(f"{name}-{version}" for name, version in versions.items())


def answer(request: HttpRequest, template: str, context: dict[str, Any], *, changed: bool, final: bool) -> HttpResponse:
    """The fragment with its status: 286 once everything shown is final, 204 when nothing has changed."""
    if not changed and not final:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, template, context, status=STOP_POLLING if final else 200)


@dataclass(frozen=True)
class _Told:
    """An answer, when it was given, and the state that it tells of."""

    status: int
    body: bytes
    state: str
    at: float

    def holds(self, state: str) -> bool:
        """That nothing is new holds for the same state alone; what was new a moment ago is new enough for others."""
        is_recent = time() - self.at < TICK and (self.status == OK or not state)
        return is_recent or (bool(state) and state == self.state)


def shared(
    request: HttpRequest,
    compute: Callable[[], HttpResponse],
    *,
    rights: Callable[[], object],
    sees: object = None,
    state: str = "",
) -> HttpResponse:
    """What `compute` answers, or has answered this process to somebody who asked the same.

    `sees`: the environments of the reader, unless the caller has made sure that they may see what they ask for.
    `rights`: what they may do, which is asked where there is anything to tell. As long as `state` is the same, an
    answer is told for `TOLD_FOR`; without a state, and for what is new, for a `TICK` in any case. Those who ask at the
    same time wait for one of them. An answer that ends the polling, and one with a form, is its reader's alone.
    """
    question = _key(request.get_full_path(), get_current_timezone_name(), get_language(), sees)
    if _recall(question, state):
        return HttpResponse(status=NOTHING_NEW)
    key = _key(question, rights())
    with _LOCKS[hash(key) % len(_LOCKS)]:
        told = _recall(question, state) or _recall(key, state)
        if told is not None:
            return HttpResponse(told.body, status=told.status)
        response = compute()
        if response.status_code == NOTHING_NEW:
            _keep(question, state, response)
        elif response.status_code == OK and not request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):  # set by any form
            _keep(key, state, response)
        return response


def _key(*facts: object) -> str:
    return hashlib.blake2s(repr(facts).encode(), digest_size=16).hexdigest()


def _recall(key: str, state: str) -> _Told | None:
    told = caches["answers"].get(key)
    return told if told is not None and told.holds(state) else None


def _keep(key: str, state: str, response: HttpResponse) -> None:
    if len(response.content) <= LARGEST:
        caches["answers"].set(key, _Told(response.status_code, response.content, state, time()), TOLD_FOR)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
