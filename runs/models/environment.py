"""The tenant, the tokens that open it, and the people who may see it."""

from __future__ import annotations

import hashlib
import secrets
from typing import Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from runs.models.base import TimedModel

TOKEN_PREFIX = "sd_"  # noqa: S105 - it marks a token, it is none
VISIBLE_LENGTH = 10


class Environment(TimedModel):
    """A tenant: every object belongs to one, every API token opens exactly one."""

    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """Somebody who may log in. A superuser sees every environment, others those they are members of."""

    environments = models.ManyToManyField(Environment, blank=True, related_name="members")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="An IANA name, such as Europe/Berlin.")

    class Meta(AbstractUser.Meta):
        permissions = [("operate_runs", "Can start, stop and rerun sync job runs")]

    def visible_environments(self) -> models.QuerySet[Environment]:
        return Environment.objects.all() if self.is_superuser else self.environments.all()

    @property
    def can_operate(self) -> bool:
        """Whether this person may start, stop and rerun runs."""
        return self.has_perm("runs.operate_runs")

    @property
    def can_load_integrations(self) -> bool:
        """Whether this person may take integrations from the catalogue into an environment."""
        return self.has_perms(("runs.add_integration", "runs.change_integration"))

    @property
    def can_add_jobs(self) -> bool:
        return self.has_perm("runs.add_syncjob")

    @property
    def can_change_jobs(self) -> bool:
        return self.has_perm("runs.change_syncjob")

    @property
    def can_delete_jobs(self) -> bool:
        return self.has_perm("runs.delete_syncjob")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)

    def for_secret(self, secret: str) -> ApiToken | None:
        """The usable token with this secret, or None. Found by its hash, so no comparison leaks time."""
        return self.usable().select_related("environment").filter(digest=digest_of(secret)).first()


def digest_of(secret: str) -> str:
    """The SHA-256 under which a secret is stored: 32 random bytes need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(TimedModel):
    """Opens one environment to a program. Only the hash of its secret is kept."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=VISIBLE_LENGTH, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name or 'token'} ({self.prefix}…)"

    def draw_secret(self) -> str:
        """Give the unsaved token a new secret and return it; this is the only moment it can be read."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:VISIBLE_LENGTH], digest_of(secret)
        return secret
