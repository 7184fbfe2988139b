"""The filters of the run list as people see them: in words, each with a way out, and as the fields of a form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from dashboard.durations import brief_duration
from dashboard.marks import status_mark
from dashboard.templatetags.syncdeck import moment, started_by
from runs.filters import ANY_WARNING, PARAMETERS, RunFilter
from runs.models import ErrorGroup, IntegratedAccount, RunTrigger, SyncJob, SyncJobRun, WarningCode
from runs.search_words import NEGATABLE, NOT

PERIODS = {"24h": _("24 h"), "7d": _("7 days"), "30d": _("30 days"), "all": _("All time")}
_TOLD = {timedelta(days=1): _("24 h"), timedelta(days=7): _("7 days"), timedelta(days=30): _("30 days")}
TEXTS = ("account", "job", "resource", "over", "under")
SELECTS = ("trigger", "errors", "records", "warning")
DATES = ("since", "until")
WORDS = {
    "q": pgettext_lazy("filter", "search"),
    "status": pgettext_lazy("filter", "status"),
    "account": pgettext_lazy("filter", "account"),
    "job": pgettext_lazy("filter", "job"),
    "resource": pgettext_lazy("filter", "resource"),
    "trigger": pgettext_lazy("filter", "trigger"),
    "since": _("created from"),
    "until": _("created to"),
    "over": _("took over"),
    "under": _("took under"),
    "slow": _("longer than usual"),
    "errors": pgettext_lazy("filter", "errors"),
    "records": pgettext_lazy("filter", "records"),
    "warning": pgettext_lazy("filter", "warning"),
    "by": _("started by"),
    "error": pgettext_lazy("filter", "error"),
    "unresolved": _("unresolved error"),
    "open": _("needs attention"),
}
_NEGATED_WORDS = {
    "status": _("status is not"),
    "account": _("account is not"),
    "job": _("job is not"),
    "resource": _("resource is not"),
    "trigger": _("trigger is not"),
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class InForce:
    """One filter that narrows the list: the address without it, and the one that turns it round, if it can be."""

    words: str
    value: str
    without: str
    turned: str | None
    is_negated: bool


@dataclass(frozen=True)
class Period:
    words: str
    query: str
    current: bool


@dataclass(frozen=True)
class FilterWords:
    """What the filters say. `runs` are those of the page: their names need not be looked up again.

    `names` are of accounts and jobs that have been looked up already; without them they are looked up here.
    """

    filters: RunFilter
    runs: Iterable[SyncJobRun] = ()
    names: Mapping[UUID, str] | None = None

    @cached_property
    def in_force(self) -> list[InForce]:
        found = []
        for name, value in self.filters.values.items():
            values = value if PARAMETERS[name].many else [value]
            found += [self._in_force(name, one) for one in values]
        return found

    @property
    def is_told_by_period(self) -> bool:
        """Whether the choice of the period tells all that is in force."""
        return not self.narrows and any(period.current for period in self.periods)

    @property
    def narrows(self) -> bool:
        """Whether anything but the window keeps runs from the list."""
        return any(name != "since" for name in self.filters.values)

    def _in_force(self, name: str, value: Any) -> InForce:
        plain = name.removeprefix(NOT)
        is_negated = plain != name
        without = self._without(name, value)
        shown = self._shown(plain, value)
        words = self._words(name, plain)
        turned = None
        if plain in NEGATABLE:
            turned = self._turned(name, plain if is_negated else f"{NOT}{plain}", value)
        return InForce(words, shown, without, turned, is_negated)

    def _without(self, name: str, value: Any) -> str:
        if name == "since":
            return self.filters.query_string(since="all")
        return self.filters.query_string(**{name: self._others(name, value) or None})

    def _turned(self, name: str, to: str, value: Any) -> str:
        added = [*map(str, self.filters.values.get(to, [])), str(value)]
        return self.filters.query_string(**{name: self._others(name, value) or None, to: added})

    def _others(self, name: str, value: Any) -> list[str]:
        if not PARAMETERS[name].many:
            return []
        return [str(other) for other in self.filters.values[name] if other != value]

    def _words(self, name: str, plain: str) -> str:
        if name == "since" and isinstance(self.filters.values[name], timedelta):
            return ""
        return str(WORDS[name] if plain == name else _NEGATED_WORDS[plain])

    def _shown(self, plain: str, value: Any) -> str:
        match plain, value:
            case ("since", timedelta()):
                return gettext("last {time}").format(time=_TOLD.get(value) or brief_duration(value))
            case (_, timedelta()):
                return brief_duration(value)
            case (_, datetime()):
                return moment(value)
            case ("status", _):
                return status_mark(value).word
            case ("trigger", _):
                return started_by(value)
            case ("error" | "unresolved", UUID()):
                return self._title(value)
            case ("account" | "job", UUID()):
                return self._names.get(value) or str(value)
        return str(value)

    def _title(self, group_id: UUID) -> str:
        groups = ErrorGroup.objects.filter(environment__in=self.filters.environment_ids, pk=group_id)
        return groups.values_list("title", flat=True).first() or str(group_id)

    @cached_property
    def _names(self) -> Mapping[UUID, str]:
        """Of the accounts and jobs that are asked for by id: from the runs shown, else from the database."""
        names = {run.integrated_account_id: str(run.integrated_account) for run in self.runs}
        names |= {run.sync_job_id: str(run.sync_job) for run in self.runs}
        return names | looked_up([self.filters], names) if self.names is None else self.names

    @property
    def periods(self) -> list[Period]:
        asked = self.filters.params.get("since", "")
        usual = self.filters.values.get("since")
        current = asked if asked in PERIODS else "7d" if usual == timedelta(days=7) else ""
        if "until" in self.filters.values:
            current = ""
        return [self._period(since, str(words), since == current) for since, words in PERIODS.items()]

    def _period(self, since: str, words: str, current: bool) -> Period:
        return Period(words, self.filters.query_string(since=since, until=None), current)


@dataclass(frozen=True)
class FilterForm:
    """The fields of the form: what it shows can be changed there, what is hidden goes with it unchanged."""

    filters: RunFilter

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """All that no field shows: filters without a field, and further values where a field shows one."""
        pairs = [(name, value) for name, values in self.filters.params.lists() for value in values]
        shown = {(name, value) for name, value in self.shown.items() if value}
        return [(name, value) for name, value in pairs if name in PARAMETERS and (name, value) not in shown]

    @cached_property
    def shown(self) -> dict[str, str]:
        """The value of each field; empty if there is none, or if it would not be readable there."""
        fields = {name: self._last(name) for name in (*TEXTS, *SELECTS, *DATES)}
        for name in ("account", "job"):
            if any(isinstance(value, UUID) and str(value) == fields[name] for value in self._values(name)):
                fields[name] = ""
        is_relative = isinstance(self.filters.values.get("since"), timedelta) and "since" not in self.filters.errors
        if is_relative or fields["since"] == "all":
            fields["since"] = ""
        return fields

    @property
    def date_types(self) -> dict[str, str]:
        """The kinds of the two date fields: what is no plain day, which such a field would hide, is shown as text."""
        plain = {name: not self.shown[name] or _DAY.fullmatch(self.shown[name]) for name in DATES}
        return {name: "date" if plain[name] and name not in self.filters.errors else "text" for name in DATES}

    @property
    def triggers(self) -> list[tuple[str, str]]:
        return self._with_shown("trigger", [(trigger.value, started_by(trigger)) for trigger in RunTrigger])

    @property
    def error_choices(self) -> list[tuple[str, str]]:
        return self._with_shown("errors", [("yes", gettext("with errors")), ("no", gettext("without errors"))])

    @property
    def record_choices(self) -> list[tuple[str, str]]:
        choices = [("none", gettext("no records fetched")), ("some", gettext("records fetched"))]
        return self._with_shown("records", choices)

    @property
    def warning_choices(self) -> list[tuple[str, str]]:
        codes = [(code.value, str(code.label).lower()) for code in WarningCode]
        return self._with_shown("warning", [(ANY_WARNING, gettext("any warning")), *codes])

    @property
    def count(self) -> int:
        """How many filters its fields hold."""
        return sum(bool(value) for value in self.shown.values())

    def _with_shown(self, name: str, choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Together with a value that is none of them: else sending the form would lose it without a word."""
        value = self.shown[name]
        return choices if not value or value in dict(choices) else [*choices, (value, value)]

    def _last(self, name: str) -> str:
        return (self.filters.params.getlist(name) or [""])[-1]

    def _values(self, name: str) -> list[Any]:
        return self.filters.values.get(name, [])


def looked_up(filters: Sequence[RunFilter], known: Collection[UUID] = ()) -> dict[UUID, str]:
    """The names of the accounts and jobs that the filters ask for by id, as far as their reader may see them.

    Two queries for all the filters, which are of one reader; none for what is known.
    """
    if not filters:
        return {}
    models = {"account": (IntegratedAccount, "tenant_id"), "job": (SyncJob, "label")}
    names: dict[UUID, str] = {}
    for name, (model, label) in models.items():
        missing = {value for of in filters for value in _asked(of, name)} - set(known)
        if missing:
            rows: QuerySet[Any] = model._default_manager.filter(pk__in=missing)
            names |= rows.filter(environment__in=filters[0].environment_ids).values_list("id", label)
    return names


def _asked(filters: RunFilter, name: str) -> list[UUID]:
    values = [*filters.values.get(name, []), *filters.values.get(f"{NOT}{name}", [])]
    return [value for value in values if isinstance(value, UUID)]
