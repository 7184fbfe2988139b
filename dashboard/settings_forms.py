"""The forms of the settings. The services alone judge the values; these read them, and show the verdict."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from dashboard.forms import only_one, refuse_fields
from dashboard.look import CHOICES
from runs.errors import Failure
from runs.models import Environment, Role, Scope, User
from runs.services import may_manage

_REGIONS = (
    *(gettext_noop("Africa"), gettext_noop("America"), gettext_noop("Antarctica"), gettext_noop("Arctic")),
    *(gettext_noop("Asia"), gettext_noop("Atlantic"), gettext_noop("Australia"), gettext_noop("Europe")),
    *(gettext_noop("Indian"), gettext_noop("Pacific")),
)
_NAMES = ("first_name", "last_name", "email")
_LONGEST = timedelta(days=3653)
_ACCESS = {
    "read": _("Read everything"),
    "write": _("Read and write: also start and stop runs, and change definitions"),
}
_ROLES = {
    Role.VIEWER: _("Viewer: sees everything"),
    Role.OPERATOR: _("Operator: also starts, stops and reruns runs, and looks after schedules and webhooks"),
    Role.ADMIN: _("Admin: also changes definitions, tokens and people"),
}
_NO_ROLE = _("As it is: rights of their own, or none")


class SettingsForm(forms.Form):
    """A form whose fields are named as the pages name them."""

    def __init__(self, data: QueryDict | None = None, **options: Any) -> None:
        super().__init__(data, auto_id="field-%s", label_suffix="", **options)

    def refuse(self, failures: list[Failure]) -> None:
        refuse_fields(self, failures)


class PreferencesForm(SettingsForm):
    """What goes with the person to every browser."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("All times are shown in it, and dates are read in it.")
    )
    shortcuts = forms.BooleanField(label=_("Keyboard shortcuts: single keys search, move and act"), required=False)

    def __init__(self, person: User, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"time_zone": person.time_zone, "shortcuts": person.shortcuts})
        field: Any = self.fields["time_zone"]
        field.choices = _zones(person.time_zone)


class LookForm(SettingsForm):
    """What stays in this browser. Its values are cookies; `pages.frame.look` takes them."""

    theme = forms.ChoiceField(label=_("Theme"), choices=CHOICES["theme"].items())
    density = forms.ChoiceField(label=_("Rows of lists"), choices=CHOICES["density"].items())
    language = forms.ChoiceField(label=_("Language"), choices=CHOICES["language"].items())
    rail = forms.ChoiceField(label=_("Navigation"), choices=CHOICES["rail"].items())


class EnvironmentForm(SettingsForm):
    name = forms.CharField(label=_("Name"), max_length=100)


class TokenForm(SettingsForm):
    """A token of one of the environments."""

    environment = forms.ModelChoiceField(Environment.objects.none(), label=_("Environment"), empty_label=None)
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What it is for: runs and the audit list name it.")
    )
    access = forms.ChoiceField(label=_("It may"), choices=_ACCESS.items(), initial="read", widget=forms.RadioSelect)
    last_day = forms.DateField(label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, environments: QuerySet[Environment], data: QueryDict | None = None) -> None:
        super().__init__(data)
        field: Any = self.fields["environment"]
        field.queryset = environments
        ends = gettext("In {zone}. Empty: it has no end.").format(zone=timezone.get_current_timezone_name())
        self.fields["last_day"].help_text = ends
        if only := only_one(environments):
            field.widget = forms.HiddenInput()
            self.initial["environment"] = only.pk

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        today = timezone.localdate()
        if day is not None and not today <= day <= today + _LONGEST:
            raise forms.ValidationError(gettext("Choose a day from today to ten years ahead."))
        return day

    @property
    def scopes(self) -> list[Scope]:
        return [Scope.READ] if self.cleaned_data["access"] == "read" else list(Scope)

    @property
    def expires_at(self) -> datetime | None:
        """The end of the last day, where its reader lives."""
        day: date | None = self.cleaned_data["last_day"]
        if day is None:
            return None
        return datetime.combine(day + timedelta(days=1), time.min, timezone.get_current_timezone())


class PersonForm(SettingsForm):
    """Somebody, in as far as the manager may change them; without a person, somebody new."""

    username = forms.CharField(label=_("Login name"), validators=[User.username_validator], max_length=150)
    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    email = forms.EmailField(label=_("Email"), required=False)
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    environments = forms.ModelMultipleChoiceField(
        Environment.objects.none(), label=_("Environments"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, manager: User, person: User | None = None, data: QueryDict | None = None) -> None:
        super().__init__(data, initial=_initial(person))
        environments: Any = self.fields["environments"]
        environments.queryset = manager.visible_environments()
        self._offer_roles(person)
        for name in _fixed(manager, person):
            del self.fields[name]
        if person is None and (only := only_one(environments.queryset)):
            self.initial["environments"] = [only]

    def values(self) -> dict[str, Any]:
        """What `change_person` takes."""
        given = self.cleaned_data
        names = {name: given[name] for name in _NAMES if name in given}
        role = given.get("role")
        return {"names": names or None, "role": Role(role) if role else None, "environments": given.get("environments")}

    def _offer_roles(self, person: User | None) -> None:
        field: Any = self.fields["role"]
        own = [("", _NO_ROLE)] if person and person.role is None else []
        field.required = not own
        field.choices = [*own, *((role.value, words) for role, words in _ROLES.items())]


def role_name(person: User) -> str:
    """The person's role in a word; empty for none."""
    return str(person.role.label) if person.role else ""


@cache
def _zones(chosen: str) -> list[tuple[Any, Any]]:
    """The zones by region; UTC first, and whatever has been chosen before. Regions are named when they are written."""
    groups: dict[str, list[tuple[str, str]]] = {region: [] for region in _REGIONS}
    for name in sorted(available_timezones()):
        region, __, place = name.partition("/")
        if place and region in groups:
            groups[region].append((name, place.replace("_", " ")))
    listed = {zone[0] for zones in groups.values() for zone in zones}
    first = [("UTC", "UTC")] if chosen in listed | {"UTC"} else [("UTC", "UTC"), (chosen, chosen)]
    return [*first, *((_(region), zones) for region, zones in groups.items())]


def _initial(person: User | None) -> dict[str, Any]:
    if person is None:
        return {"role": Role.VIEWER}
    names = {name: getattr(person, name) for name in _NAMES}
    return {**names, "role": person.role or "", "environments": list(person.environments.all())}


def _fixed(manager: User, person: User | None) -> set[str]:
    """The fields that the manager cannot change."""
    if person is None:
        return set()
    fixed = {"username"}
    if not may_manage(manager, person):
        fixed |= {*_NAMES, "role"}
    if person.is_superuser or person == manager:  # the one needs neither, of the other somebody else decides
        fixed |= {"role", "environments"}
    return fixed
