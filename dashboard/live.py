"""Live pages by polling: what the browser has, what has changed since, and when to stop asking.

The page carries one poller element with the versions of what it shows. An answer is 204 when nothing has changed,
else the changed parts as out-of-band swaps together with the next poller; 286 ends the polling (htmx's own code).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

STOP_POLLING = 286
NOTHING_NEW = 204
MAX_LINES = 100  # more than a page of the list shows


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


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
