"""`Idempotency-Key`: the same request under the same key is done once, and answered alike for a day.

At most one attempt works on a key at a time, and one that succeeded is never repeated. An attempt that died before it
could tell is overtaken after `ABANDONED_AFTER`: what it did may then be done again, since nobody can know.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from runs.errors import Failure, InvalidInput, NotAllowed
from runs.models import ApiToken, KeyedRequest
from runs.models.idempotency import KEPT_FOR, MAX_KEY

ABANDONED_AFTER = timedelta(minutes=2)  # longer than any request takes

PATH = "Idempotency-Key"


class StillRunning(NotAllowed):
    """The first request with this key has not been answered yet."""


@dataclass(frozen=True)
class Attempt:
    """The right to do the request, which must be used up: by `remember`, or by `release`."""

    request_id: uuid.UUID
    claim: uuid.UUID


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    body: str


def begin(token: ApiToken, key: str, fingerprint: str) -> Attempt | Answer:
    """The right to do the request, or what the first one was answered.

    `fingerprint` stands for the request itself. Raises InvalidInput for a key that is none, or that another request
    has; StillRunning while the first is at work.
    """
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidInput([Failure(PATH, f"must be 1 to {MAX_KEY} printable ASCII characters")])
    mine = KeyedRequest(token=token, key=key, fingerprint=fingerprint, claimed_at=timezone.now())
    KeyedRequest.objects.bulk_create([mine], ignore_conflicts=True)
    found = KeyedRequest.objects.filter(token=token, key=key).first()
    if found is None:
        raise StillRunning("The first request with this key has just failed.")
    if found.claim == mine.claim or _overtaken(found, mine):
        return Attempt(found.id, mine.claim)
    if found.fingerprint != fingerprint:
        raise InvalidInput([Failure(PATH, "was used for another request; take a new one for each")])
    if found.answer is None:
        raise StillRunning("The first request with this key is still running.")
    return Answer(**found.answer)


def remember(attempt: Attempt, answer: Answer) -> None:
    """Keep the answer for whoever asks again. Without effect if the attempt has been overtaken."""
    _of(attempt).update(answer={"status": answer.status, "body": answer.body}, updated_at=timezone.now())


def release(attempt: Attempt) -> None:
    """The request has done nothing: whoever asks again does it, be it the same or another."""
    _of(attempt).delete()


def forget_old() -> int:
    """Remove what is kept no longer; how many that was."""
    return KeyedRequest.objects.filter(claimed_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _overtaken(found: KeyedRequest, mine: KeyedRequest) -> bool:
    """Whether the key is ours now, because its first use is over a day old, or died at the same request."""
    expired = Q(claimed_at__lt=mine.claimed_at - KEPT_FOR)
    died = Q(claimed_at__lt=mine.claimed_at - ABANDONED_AFTER, answer=None, fingerprint=mine.fingerprint)
    return bool(
        KeyedRequest.objects.filter(expired | died, id=found.id, claim=found.claim).update(
            claim=mine.claim,
            claimed_at=mine.claimed_at,
            fingerprint=mine.fingerprint,
            answer=None,
            updated_at=mine.claimed_at,
        )
    )


def _of(attempt: Attempt) -> Any:
    return KeyedRequest.objects.filter(id=attempt.request_id, claim=attempt.claim)
