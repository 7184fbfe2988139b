"""Forms whose rows are written by a service: its failures stand beside their fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from runs.errors import Failure, InvalidInput
from runs.models import CronTrigger, IntegratedAccount, Integration, SyncJob, UnifiedMapping, Webhook
from runs.services import save_account, save_integration, save_job, save_mapping, save_trigger, save_webhook

# The fields of the admin's forms that have another name on the wire.
ADMIN_NAMES = {
    "sync_job_id": "sync_job",
    "integrated_account_id": "integrated_account",
    "webhook_id": "webhook",
}


class WriteOnlyTextarea(forms.Textarea):
    """Takes a text and never shows one, not even the one just sent."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, "", {**(attrs or {}), "autocomplete": "off"})


class JsonField(forms.JSONField):
    """Also refuses JSON that is nested too deeply to be read."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError as error:
            raise forms.ValidationError(gettext("This is nested too deeply.")) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)


class ObjectField(JsonField):
    """JSON in which nothing at all means an empty object."""

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        return {} if cleaned is None else cleaned


class ServiceForm(forms.ModelForm):
    """Writes its row through `store`, as the last step of validation: only the service knows all the rules.

    The admin validates within the transaction in which it saves, and nothing else of the page can still fail.
    """

    def store(self, values: dict[str, Any]) -> None:
        """Call the service. Raises InvalidInput."""
        raise NotImplementedError

    def _get_validation_exclusions(self) -> set[str]:
        """All of them: the form's fields have checked their own values, and the rest is the service's to say."""
        return {field.name for field in self._meta.model._meta.fields}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            self.store(self.cleaned_data)
        except InvalidInput as refused:
            self._show(refused.failures)

    def _show(self, failures: list[Failure]) -> None:
        for failure in failures:
            field = failure.path.split(".")[0]
            self.add_error(field if field in self.fields else None, f"{failure.path}: {failure.message}")


class IntegrationChoice(forms.ModelChoiceField):
    """Names the environment as well: each may have an integration of the same name."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} ({obj.environment})"


class IntegrationForm(ServiceForm):
    class Meta:
        model = Integration
        fields = ["environment", "name", "label", "category", "config"]

    def store(self, values: dict[str, Any]) -> None:
        save_integration(self.instance.environment, values, self.instance)


class JobForm(ServiceForm):
    class Meta:
        model = SyncJob
        fields = ["integration", "label", "args_schema", "resources", "default_runtime_version"]
        field_classes = {"integration": IntegrationChoice, "args_schema": ObjectField}

    def store(self, values: dict[str, Any]) -> None:
        self.instance.environment = self.instance.integration.environment
        save_job(self.instance.environment, values, self.instance)


class TriggerForm(ServiceForm):
    class Meta:
        model = CronTrigger
        fields = [
            *["sync_job", "integrated_account", "cron_expression", "args", "webhook", "daemon_group_key"],
            *["error_handling", "ignore_previous_run", "is_active"],
        ]
        field_classes = {"args": ObjectField}

    def store(self, values: dict[str, Any]) -> None:
        self.instance.environment = self.instance.sync_job.environment
        webhook, group = values.pop("webhook"), values.pop("daemon_group_key")
        destination = {"webhook_id": webhook and webhook.pk, "daemon_group_key": group or None}
        save_trigger(self.instance.environment, {**values, **destination}, self.instance)

    def _show(self, failures: list[Failure]) -> None:
        super()._show([Failure(ADMIN_NAMES.get(failure.path, failure.path), failure.message) for failure in failures])


class MappingForm(ServiceForm):
    class Meta:
        model = UnifiedMapping
        fields = ["integration", "model", "resource", "method", "config", "override"]
        field_classes = {"integration": IntegrationChoice, "config": ObjectField, "override": ObjectField}

    def store(self, values: dict[str, Any]) -> None:
        self.instance.environment = self.instance.integration.environment
        save_mapping(self.instance.environment, values, self.instance)


class AccountForm(ServiceForm):
    credentials = JsonField(
        required=False,
        widget=WriteOnlyTextarea,
        help_text=_(
            "A JSON object that is merged into the stored context, which is never shown. Empty: nothing changes."
        ),
    )

    class Meta:
        model = IntegratedAccount
        fields = ["integration", "tenant_id", "status", "unified_model_override"]
        field_classes = {"integration": IntegrationChoice, "unified_model_override": ObjectField}

    def store(self, values: dict[str, Any]) -> None:
        self.instance.environment = self.instance.integration.environment
        save_account(self.instance.environment, {**values, "context": values.get("credentials")}, self.instance)

    def _show(self, failures: list[Failure]) -> None:
        super()._show([Failure(_field_of(failure.path), failure.message) for failure in failures])


class WebhookForm(ServiceForm):
    target_url = forms.URLField(max_length=2000, assume_scheme="https")

    class Meta:
        model = Webhook
        fields = ["environment", "target_url", "is_active", "event_types"]

    def store(self, values: dict[str, Any]) -> None:
        save_webhook(self.instance.environment, values, self.instance)


def _field_of(path: str) -> str:
    return f"credentials{path.removeprefix('context')}" if path.split(".")[0] == "context" else path
