"""The forms that a job is written with: field by field beside its text, or as one text that is imported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.forms import only_one
from runs.definition_text import body_text
from runs.errors import Failure
from runs.models import Environment, Integration, SyncJob
from runs.plain_yaml import MAX_BYTES

LONGEST_LABEL = 200
NEVER = datetime.min
_START = """\
# {told}
args_schema: {{}}
# {fetched}
resources:
  - resource: ""
    method: list
    persist: true
"""


def start() -> str:
    """What a new definition begins with."""
    return _START.format(
        told=gettext("What a run may be told. {} takes anything."),
        fetched=gettext("What is fetched: each resource once, or once for each record of another one (depends_on)."),
    )


class VersionField(forms.TypedChoiceField):
    """The runtime a run has when it names none."""

    def __init__(self) -> None:
        choices = [("", _("Not set, which is 1")), ("1", "1"), ("2", _("2: errors may be sent in batches"))]
        super().__init__(label=_("Runtime version"), required=False, choices=choices, coerce=int, empty_value=None)


class DefinitionField(forms.CharField):
    """A text whose spaces mean something. Its length is the reader's business, who counts bytes."""

    def __init__(self, rows: int, **options: Any) -> None:
        attrs = {"rows": rows, "spellcheck": "false", "autocapitalize": "off", "wrap": "off", "class": "mono code"}
        super().__init__(strip=False, widget=forms.Textarea(attrs=attrs), **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class IntegrationField(forms.ModelChoiceField):
    """A choice that has to be made; each with its environment, where there are those of several. `why` is said where it
    was not made."""

    def __init__(self, integrations: QuerySet[Integration], why: str) -> None:
        super().__init__(integrations, label=_("Integration"), empty_label=_("Choose one"))
        self.several = integrations.order_by().values("environment").distinct()[:2].count() > 1
        self.widget.attrs["required"] = True
        self.error_messages["required"] = why

    def label_from_instance(self, integration: Integration) -> str:
        return f"{integration} · {integration.environment}" if self.several else str(integration)


class JobForm(forms.Form):
    """A job's fields. A job keeps its integration: its schedules and runs are of accounts of that one."""

    label = forms.CharField(label=_("Label"), max_length=LONGEST_LABEL)
    default_runtime_version = VersionField()
    definition = DefinitionField(26, label=_("Arguments and resources"), required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, integrations: QuerySet[Integration], data: QueryDict | None = None, *, job: SyncJob | None = None
    ) -> None:
        initial = self._values_of(job) if job else {"definition": start()}
        super().__init__(data, auto_id="field-%s", label_suffix="", initial=initial)
        self.job = job
        self.fields["label"].widget.attrs["required"] = True
        if job is None:
            self._choose_from(integrations)

    @staticmethod
    def _values_of(job: SyncJob) -> dict[str, Any]:
        return {
            "label": job.label,
            "default_runtime_version": job.default_runtime_version,
            "definition": body_text(job),
            "seen": job.updated_at.isoformat(),
        }

    def _choose_from(self, integrations: QuerySet[Integration]) -> None:
        self.fields["integration"] = IntegrationField(
            integrations, gettext("Choose one: the resources are checked against it.")
        )
        self.order_fields(["label", "integration"])

    @property
    def integration(self) -> Integration | None:
        return self.job.integration if self.job else self.cleaned_data.get("integration")

    @property
    def seen_at(self) -> datetime:
        """Of which state of the job the form was made."""
        return moment(self.cleaned_data.get("seen", ""))

    def values(self) -> dict[str, Any]:
        """The fields beside the text, as the service takes them; without those that are not sound."""
        names = ("label", "default_runtime_version")
        values = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        return values if self.integration is None else {**values, "integration": self.integration}

    def failures(self) -> list[Failure]:
        """What is wrong with the fields."""
        return [Failure(name, str(message)) for name, messages in self.errors.items() for message in messages]

    def renewed(self) -> JobForm:
        """The same form with what was typed, made of the job's present state."""
        data = QueryDict(mutable=True)
        data.update({name: self.data.get(name, "") for name in self.fields})
        data["seen"] = self.job.updated_at.isoformat() if self.job else ""
        return JobForm(Integration.objects.none(), data, job=self.job)


class ImportForm(forms.Form):
    """A whole definition, pasted or as a file, and where it goes. `seen`: the state of the job that it replaces."""

    text = DefinitionField(22, label=_("Or its text"), required=False)
    file = forms.FileField(label=_("A file, as it was exported"), required=False, allow_empty_file=True)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    confirmed = forms.BooleanField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        environments: QuerySet[Environment],
        data: QueryDict | None = None,
        files: MultiValueDict[str, UploadedFile] | None = None,
    ) -> None:
        super().__init__(data, files, auto_id="field-%s", label_suffix="")
        self.environments = environments
        self.fields["environment"] = forms.ModelChoiceField(environments, label=_("Environment"), empty_label=None)
        self.order_fields(["environment"])

    @property
    def only_environment(self) -> Environment | None:
        return only_one(self.environments)

    def clean(self) -> dict[str, Any]:
        """A file takes the text's place."""
        given = self.cleaned_data
        if given.get("file") is not None:
            given["text"] = self._read(given["file"])
        elif not given.get("text", "").strip():
            self.add_error("text", gettext("Paste a definition, or choose a file."))
        return given

    def _read(self, file: UploadedFile) -> str:
        content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            self.add_error("file", gettext("The file is larger than {most:,} bytes.").format(most=MAX_BYTES))
        try:
            return bytes(content).decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            self.add_error("file", gettext("The file is not in UTF-8."))
            return ""


def moment(text: str) -> datetime:
    """A time as a form carries it; what can't be read is a time that nothing was ever changed at."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return NEVER
