"""The form that starts a run: its fields come from the job's `args_schema`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import Case, Q, QuerySet, When
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from runs.errors import Failure
from runs.lookups import parse_uuid
from runs.models import AccountStatus, Environment, ErrorHandling, IntegratedAccount, SyncJob, Webhook
from runs.models.run_state import DEFAULT_GROUP
from runs.services import ArgField, args_fields

ARGS = "args"
MOST_ACCOUNTS = 500
_ERROR_HANDLING = {
    ErrorHandling.IGNORE: _("Note it and go on"),
    ErrorHandling.FAIL_FAST: _("End the run as failed"),
    ErrorHandling.BATCH: _("Send it in batches, and go on"),
}
_NOT_USABLE = {
    AccountStatus.CONNECTING: _("connecting"),
    AccountStatus.POST_INSTALL_ERROR: _("post install error"),
    AccountStatus.VALIDATION_ERROR: _("validation error"),
    AccountStatus.NEEDS_REAUTH: _("needs reauth"),
}


class JsonObject(forms.CharField):
    """A JSON object, written as text; None when nothing is written."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, Any] | None:
        text = super().clean(value)
        parsed = _parsed(text) if text else None
        if parsed is not None and not isinstance(parsed, dict):
            raise forms.ValidationError(gettext('A JSON object is expected, such as {"key": "value"}.'))
        return parsed


class Lines(forms.CharField):
    """A list of texts, one a line; or any list as a JSON array. None when nothing is written."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        plain = all(isinstance(item, str) for item in value)
        return "\n".join(value) if plain else json.dumps(value, ensure_ascii=False)

    def clean(self, value: Any) -> list[Any] | None:
        text = super().clean(value)
        if text.startswith("["):
            return _parsed(text)
        return [line.strip() for line in text.splitlines() if line.strip()] or None


class FirstRows(ModelChoiceIterator):
    """A list that a person can still read: beyond it, runs are started over the API. No more than that is read."""

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for row in self.queryset[:MOST_ACCOUNTS]:
            yield self.choice(row)


class LongSelect(forms.Select):
    """A select of hundreds of options, written at once: Django renders a template for each, which takes 100 ms."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = {str(one) for one in self.format_value(value)}
        options = [(text := str(key), " selected" if text in chosen else "", words) for key, words in self.choices]
        written = format_html_join("\n", '<option value="{}"{}>{}</option>', options)
        return format_html(
            "<select{}>{}</select>", flatatt({"name": name, **self.build_attrs(self.attrs, attrs)}), written
        )


class AccountField(forms.ModelChoiceField):
    iterator = FirstRows
    widget = LongSelect

    def label_from_instance(self, account: IntegratedAccount) -> str:
        why_not = _NOT_USABLE.get(AccountStatus(account.status))
        return f"{account} ({why_not})" if why_not else str(account)


class WebhookField(forms.ModelChoiceField):
    iterator = FirstRows
    widget = LongSelect

    def label_from_instance(self, webhook: Webhook) -> str:
        address = webhook.target_url
        return address if webhook.takes_events else gettext("{address} (switched off)").format(address=address)


class StartRunForm(forms.Form):
    """What to start a run of one job with. The service alone judges the values; `refuse` shows its verdict."""

    def __init__(
        self, job: SyncJob, data: QueryDict | None = None, *, may_force: bool = False, webhook: Webhook | None = None
    ) -> None:
        """`webhook` is offered although it is switched off: an older choice is not to be lost."""
        super().__init__(data, auto_id="field-%s", label_suffix="")
        self.declared = {f"{ARGS}.{field.name}": field for field in args_fields(job.args_schema)}
        self.fields["account"] = AccountField(_accounts(job), label=_("Account"), empty_label=None)
        self.fields.update({name: _arg_field(field) for name, field in self.declared.items()})
        if not self.declared:
            self.fields[ARGS] = JsonObject(
                label=_("Arguments"), required=False, help_text=_("A JSON object; may be empty.")
            )
            self.fields[ARGS].widget.attrs.update(rows=3, spellcheck="false", **{"class": "mono"})
        self.fields["error_handling"] = forms.ChoiceField(
            label=_("When a request or a record fails"), choices=_error_handling(job)
        )
        webhooks = _webhooks(job, webhook)
        if webhooks.exists():
            self.fields["webhook_id"] = WebhookField(
                webhooks, label=_("Records go to"), required=False, empty_label=_("The record store")
            )
        self.fields["daemon_group_key"] = forms.CharField(
            label=_("Daemon group"), max_length=100, required=False, initial=DEFAULT_GROUP, empty_value=None
        )
        self.fields["ignore_previous_run"] = forms.BooleanField(
            label=_("Ignore the previous run date, and fetch everything"), required=False
        )
        if may_force:
            self.fields["force"] = forms.BooleanField(label=_("Start another run beside the live one"), required=False)

    def choose_account(self, text: str) -> None:
        """Offer this account alone, however many others there are; all of them if it is none of theirs."""
        accounts = self.fields["account"]
        assert isinstance(accounts, AccountField)  # noqa: S101 - for the type checker
        try:
            only = accounts.queryset.filter(pk=parse_uuid(text))  # type: ignore[union-attr]
        except ValueError:
            return
        if only.exists():
            accounts.queryset = only

    def offer_first(self, account: IntegratedAccount) -> None:
        """Offer this account however many others there are: a choice that has no option would become another one."""
        accounts = self.fields["account"]
        assert isinstance(accounts, AccountField)  # noqa: S101 - for the type checker
        is_other = Case(When(pk=account.pk, then=0), default=1)
        accounts.queryset = accounts.queryset.order_by(is_other, "tenant_id", "id")  # type: ignore[union-attr]

    @property
    def arg_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name == ARGS or name in self.declared]

    def shown_args(self, args: dict[str, Any]) -> dict[str, Any]:
        """The first values of the fields for these arguments; an argument that is absent has an empty field."""
        if not self.declared:
            return {ARGS: args or None}
        values = {name: args.get(field.name) for name, field in self.declared.items()}
        return {name: self._shown(name, value) for name, value in values.items()}

    def _shown(self, name: str, value: Any) -> Any:
        return _text(value) if isinstance(self.fields[name], forms.ChoiceField) else value

    def args(self) -> dict[str, Any]:
        """The arguments that were given; an empty field is an argument that was not."""
        if not self.declared:
            return self.cleaned_data[ARGS] or {}
        given = {field.name: self.cleaned_data[name] for name, field in self.declared.items()}
        return {name: value for name, value in given.items() if value not in (None, "")}

    def refuse(self, failures: list[Failure]) -> None:
        refuse_fields(self, failures)


class DryRunForm(StartRunForm):
    """What to try a run of one job with: what makes no difference to that is left out."""

    def __init__(self, job: SyncJob, data: QueryDict | None = None) -> None:
        super().__init__(job, data)
        for name in ("error_handling", "daemon_group_key"):
            del self.fields[name]


def only_one(environments: QuerySet[Environment]) -> Environment | None:
    """The one that there is no choice about; None where there are several, or none."""
    found = list(environments[:2])
    return found[0] if len(found) == 1 else None


def refuse_fields(form: forms.Form, failures: list[Failure]) -> None:
    """Show each fault beside the field that its path names, else above the form."""
    for failure in failures:
        field = next((name for name in form.fields if f"{failure.path}.".startswith(f"{name}.")), None)
        form.add_error(field, failure.message if field else f"{failure.path}: {failure.message}")


def _accounts(job: SyncJob) -> QuerySet[IntegratedAccount]:
    mine = IntegratedAccount.objects.live().filter(environment=job.environment, integration=job.integration)
    return mine.defer("context", "unified_model_override").order_by("tenant_id", "id")


def _webhooks(job: SyncJob, chosen: Webhook | None) -> QuerySet[Webhook]:
    usable = Q(is_active=True, deleted_at=None) | Q(pk=chosen and chosen.pk)
    mine = Webhook.objects.filter(usable, environment=job.environment)
    return mine.defer("secret").order_by("target_url", "id")


def _error_handling(job: SyncJob) -> list[tuple[str, str]]:
    """Batches need version 2 of the runtime (contract 3.1)."""
    batches = job.default_runtime_version == 2
    offered = [value for value in _ERROR_HANDLING if batches or value != ErrorHandling.BATCH]
    return [(value, str(_ERROR_HANDLING[value])) for value in offered]


def _arg_field(arg: ArgField) -> forms.Field:
    """The input for an argument. Whether it may be missing is the service's business; the browser only marks it."""
    field = _typed_field(arg)
    field.label, field.help_text, field.required = arg.name, arg.description, False
    field.initial = _text(arg.default) if isinstance(field, forms.ChoiceField) else arg.default
    if arg.required:
        field.widget.attrs["required"] = True
    return field


def _typed_field(arg: ArgField) -> forms.Field:
    if arg.choices:
        return _choice(arg, arg.choices)
    match arg.type:
        case "boolean":
            return _choice(arg, (True, False))
        case "integer":
            return forms.IntegerField()
        case "number":
            return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}))
        case "array":
            return Lines(
                widget=forms.Textarea(attrs={"rows": 3, "placeholder": gettext("one a line, or a JSON array")})
            )
        case "object":
            return JsonObject(widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "placeholder": "{}"}))
        case _:
            return forms.CharField()


def _choice(arg: ArgField, values: tuple[Any, ...]) -> forms.Field:
    by_text = {_text(value): value for value in values}
    blank = [] if arg.required else [("", gettext("not given"))]
    choices = [*blank, *((text, text) for text in by_text)]
    return forms.TypedChoiceField(choices=choices, coerce=by_text.__getitem__, empty_value=None)


def _text(value: Any) -> str:
    """A value of a choice, as the form writes it; empty for none."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise forms.ValidationError(gettext("This is not JSON: {error}.").format(error=error)) from error
    except RecursionError as error:
        raise forms.ValidationError(gettext("This is nested too deeply.")) from error
