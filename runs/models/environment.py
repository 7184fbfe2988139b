"""The tenant, the tokens that open it, and the people who may see it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any, Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from runs.models.base import TimedModel
from runs.prepared import Given, PreparedModels


class Scope(models.TextChoices):
    """What a token lets a program do. To write without reading is of no use, so `read` always goes with it."""

    READ = "read", _("Read")
    WRITE = "write", _("Write")


class Role(models.TextChoices):
    """What a person does here. Each is a group of this name, whose permissions `runs.services.roles` keeps."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    ADMIN = "admin", _("Admin")


TOKEN_PREFIX = "sd_"  # noqa: S105 - it marks a token, it is none
VISIBLE_LENGTH = 10
OPERATE = "runs.operate_runs"


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
    shortcuts = models.BooleanField(default=True, help_text="Single keys do things on the pages (WCAG 2.1.4).")
    sessions_ended = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often all logins were ended: those of before hold no longer."
    )

    class Meta(AbstractUser.Meta):
        permissions = [("operate_runs", "Can start, stop and rerun sync job runs")]

    def get_session_auth_hash(self) -> str:
        return f"{super().get_session_auth_hash()}.{self.sessions_ended}"

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """By the keys of before."""
        for key_hash in super().get_session_auth_fallback_hash():
            yield f"{key_hash}.{self.sessions_ended}"

    def visible_environments(self) -> models.QuerySet[Environment]:
        return Environment.objects.all() if self.is_superuser else self.environments.all()

    @property
    def can_operate(self) -> bool:
        """Whether this person may start, stop and rerun runs."""
        return self.has_perm(OPERATE)

    @property
    def role(self) -> Role | None:
        """The highest of the roles; None for whoever has none, or is a superuser."""
        held = {group.name for group in self.groups.all()}
        return next((role for role in reversed(Role) if role in held and not self.is_superuser), None)

    @property
    def can_manage_environments(self) -> bool:
        """Whether this person may make environments, and rename those they see."""
        return self.has_perm("runs.change_environment")

    @property
    def can_manage_tokens(self) -> bool:
        """Whether this person may open their environments to programs, and close them."""
        return self.has_perm("runs.change_apitoken")

    @property
    def can_manage_people(self) -> bool:
        """Whether this person may let people into their environments (`runs.services.people` says whom)."""
        return self.has_perm("runs.change_user")

    @property
    def can_change_alerts(self) -> bool:
        """Whether this person may say who is told of failures; to mute takes an operator."""
        return self.has_perm("runs.change_alertrule")

    @property
    def can_see_admin(self) -> bool:
        """Whether Django's admin has anything to show to this person."""
        views = (name.partition(".view_")[1] for name in self.get_all_permissions())
        return self.is_staff and (self.is_superuser or any(views))

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
    def usable(self, now: Any = None) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()), revoked_at=None)

    def for_secret(self, secret: str) -> ApiToken | None:
        """The usable token with this secret, or None. Found by its hash, so no comparison leaks time."""
        found: ApiToken | None = _USABLE.first(digest=digest_of(secret), now=timezone.now())
        return found


def digest_of(secret: str) -> str:
    """The SHA-256 under which a secret is stored: 32 random bytes need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def all_scopes() -> list[str]:
    return list(Scope.values)


class ApiToken(TimedModel):
    """Opens one environment to a program. Only the hash of its secret is kept."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=VISIBLE_LENGTH, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=all_scopes, editable=False)
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

    @property
    def is_usable(self) -> bool:
        """Whether it opens anything now: as `usable` says of a query."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired

    @property
    def is_read_only(self) -> bool:
        return Scope.WRITE not in self.scopes

    def draw_secret(self) -> str:
        """Give the unsaved token a new secret and return it; this is the only moment it can be read."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:VISIBLE_LENGTH], digest_of(secret)
        return secret


def _usable_with_digest() -> models.QuerySet[ApiToken]:
    found = ApiToken.objects.usable(Given("now", models.DateTimeField())).select_related("environment")
    return found.filter(digest=Given("digest", models.CharField())).order_by()


_USABLE = PreparedModels(_usable_with_digest)
