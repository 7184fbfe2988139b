"""What a token has asked for under a key, and what it was answered."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models

from runs.models.base import TimedModel
from runs.models.environment import ApiToken
from runs.models.fields import EncryptedJSONField

KEPT_FOR = timedelta(hours=24)
MAX_KEY = 255


class KeyedRequest(TimedModel):
    """A request with an `Idempotency-Key`. Written by `runs.services.idempotency` only.

    `claim` names the attempt that works on it or has done it, and `claimed_at` is its start. `answer` is null until
    it has succeeded; it is encrypted, since it may hold a secret that is shown once.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="keyed_requests")
    key = models.CharField(max_length=MAX_KEY)
    fingerprint = models.CharField(max_length=64)
    claim = models.UUIDField(default=uuid.uuid4)
    claimed_at = models.DateTimeField(db_index=True)
    answer = EncryptedJSONField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="keyed_request_once")]

    def __str__(self) -> str:
        return self.key
