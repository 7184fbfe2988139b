"""The description of an HTTP API, a customer's connection to it, and the mappings of the Unified API."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from runs.models.base import DeletableModel, Now, TimedModel, uuid7
from runs.models.environment import Environment, User
from runs.models.fields import EncryptedJSONField


def catalog_digest_field() -> models.CharField[str, str]:
    """The digest of what the catalogue wrote into the row when it was last loaded; empty if it never was."""
    return models.CharField(max_length=64, blank=True, editable=False)


class Integration(DeletableModel):
    """A declarative description of one HTTP API: `config` is section 5 of the contract."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="integrations")
    name = models.CharField(max_length=100)
    label = models.CharField(max_length=200, blank=True)
    category = models.CharField(max_length=100, blank=True)
    config = models.JSONField(default=dict)
    catalog_digest = catalog_digest_field()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"], condition=Q(deleted_at=None), name="integration_name_once"
            )
        ]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="integration_list")]

    def __str__(self) -> str:
        return self.label or self.name


class AccountStatus(models.TextChoices):
    CONNECTING = "connecting"
    ACTIVE = "active"
    POST_INSTALL_ERROR = "post_install_error"
    VALIDATION_ERROR = "validation_error"
    NEEDS_REAUTH = "needs_reauth"


class IntegratedAccount(DeletableModel):
    """One customer's connection to an integration. Its credentials go in and never come out again.

    Until `rate_limited_until` none of its runs asks the source.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="accounts")
    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="accounts")
    tenant_id = models.CharField(max_length=200, blank=True, help_text="The customer's id in your own system.")
    status = models.CharField(max_length=20, choices=AccountStatus.choices, default=AccountStatus.ACTIVE)
    context = EncryptedJSONField(default=dict, blank=True, help_text="Credentials and instance keys; write-only.")
    unified_model_override = models.JSONField(default=dict, blank=True)
    rate_limited_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=AccountStatus.values), name="account_status_known")
        ]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="account_list")]

    def __str__(self) -> str:
        return self.tenant_id or str(self.id)

    def note_refused_login(self) -> None:
        """The source refuses the credentials: an active account needs new ones, unless it has got some since it was
        read."""
        active = IntegratedAccount.objects.filter(id=self.id, status=AccountStatus.ACTIVE)
        active.filter(updated_at=self.updated_at).update(status=AccountStatus.NEEDS_REAUTH, updated_at=Now())


class AccountToken(models.Model):
    """The OAuth access token that an account's credentials have brought (`runs.engine.token_store`).

    A row of its own: the many readers of accounts have nothing to decrypt, and no `save()` of one can bring an old
    token back. Who holds the claim may ask for a new token, until `claimed_until`.
    """

    account = models.OneToOneField(IntegratedAccount, primary_key=True, on_delete=models.CASCADE, related_name="token")
    value = EncryptedJSONField(null=True)
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["account_id"]

    def __str__(self) -> str:
        return f"the token of {self.account_id}"


class AuthorizationRequest(models.Model):
    """A person was sent to an account's provider, to let Syncdeck in, and has not come back yet.

    Guarantee: it serves once. Whoever shows its state takes the row away, and only whose DELETE has hit it goes on; the
    person and the session have to be those that it was made for. Of state and session the hashes are kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(
        IntegratedAccount, on_delete=models.CASCADE, related_name="authorization_requests", editable=False
    )
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", editable=False)
    session_digest = models.CharField(max_length=64, editable=False)
    state_digest = models.CharField(max_length=64, unique=True, editable=False)
    kept = EncryptedJSONField(editable=False, help_text="What the way back needs: verifier, redirect_uri, basis.")
    expires_at = models.DateTimeField(db_index=True, editable=False)

    class Meta:
        ordering = ["expires_at"]

    def __str__(self) -> str:
        return f"an authorization request of {self.account_id}"


class UnifiedMapping(TimedModel):
    """How one method of one integration looks in the Unified API (`model/resource`).

    In force is `config` with `override` laid over it, and over both the account's `unified_model_override`.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="mappings")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="mappings")
    model = models.CharField(max_length=100)
    resource = models.CharField(max_length=100)
    method = models.CharField(max_length=50)
    config = models.JSONField(default=dict, blank=True)
    catalog_digest = catalog_digest_field()
    override = models.JSONField(
        default=dict, blank=True, help_text="This environment's changes to the config; a reload of it keeps them."
    )

    class Meta:
        ordering = ["model", "resource", "method"]
        indexes = [models.Index(fields=["environment", "-created_at", "-id"], name="mapping_list")]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "integration", "model", "resource", "method"], name="mapping_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model}/{self.resource} {self.method}"
