"""Definitions from files, brought into an environment: all of them or none.

What would be done is found out by doing it, in a transaction that is rolled back: so a look at it has passed every
check that the services make, and nothing is checked in two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import transaction

from runs import cron
from runs.definition_files.kinds import Kind
from runs.definition_files.reading import DefinedObject, Fault, FaultyFiles
from runs.definition_files.showing import BEFORE, Shown
from runs.differences import differences
from runs.errors import ChangedMeanwhile, Failure, InvalidInput
from runs.models import CronTrigger, Environment, Webhook
from runs.services.catalog import Outcome
from runs.services.defined import (
    Key,
    Row,
    alike,
    key_of,
    names_needed,
    rows_of,
    save,
    schedule_values,
    title_of,
    values_of_row,
)
from runs.services.environments import create_environment
from runs.services.exporting import kept_secrets
from runs.services.wanted import Wanted, wanted_objects
from runs.services.webhooks import name_failures

# What the services call by another name than a file does.
_PATHS = {"sync_job_id": "sync_job", "integrated_account_id": "tenant_id", "webhook_id": "webhook"}


@dataclass(frozen=True)
class AppliedPart:
    """What becomes of one object, without its secrets: what it says before (None: it is not there) and after."""

    kind: Kind
    title: str
    outcome: Outcome
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Application:
    """What files do to an environment. `others`: how many of its objects they don't name, which stay as they are.

    `secrets`: the signing secret of each webhook that got a new one, by its title; to be shown once.
    """

    environment: str
    makes_environment: bool
    parts: tuple[AppliedPart, ...]
    others: int
    secrets: Mapping[str, str] = field(repr=False, compare=False, default_factory=dict)

    @property
    def changes(self) -> list[AppliedPart]:
        return [part for part in self.parts if part.outcome is not Outcome.UNCHANGED]


def look_at(environment: str, objects: Sequence[DefinedObject], variables: Mapping[str, str]) -> Application:
    """What `apply_definitions` would do. Nothing is stored. Raises FaultyFiles with every fault."""
    with _transaction(environment, objects, variables) as work:
        found = work.done()
        transaction.set_rollback(True)
    return found


def apply_definitions(
    environment: str, objects: Sequence[DefinedObject], variables: Mapping[str, str], *, seen: Application | None = None
) -> Application:
    """Bring the objects into the environment of this name, which is made if missing, in one transaction.

    `variables` are what the references in them refer to. What is as wanted already is not written. Raises FaultyFiles
    with every fault, and ChangedMeanwhile if that would do something else than was `seen`.
    """
    with _transaction(environment, objects, variables) as work:
        found = work.done()
        if seen is not None and found != seen:
            raise ChangedMeanwhile(f"The environment {environment} was changed meanwhile: look at it again.")
    return found


@contextmanager
def _transaction(name: str, objects: Sequence[DefinedObject], variables: Mapping[str, str]) -> Iterator[_Work]:
    """Names of new receivers are looked up before it, since a resolver takes its time.

    Of two at once the second waits: labels and addresses are not unique, and both would make the same.
    """
    known = Environment.objects.filter(name=name).first()
    items = wanted_objects(objects, variables, kept_secrets(known) if known else {})
    names = _name_faults(known, items)
    with transaction.atomic():
        if known is not None:
            Environment.objects.select_for_update(no_key=True).get(pk=known.pk)
        yield _Work(known or create_environment(name), items, names, makes_environment=known is None)


def _name_faults(environment: Environment | None, items: Iterable[Wanted]) -> dict[str, list[Failure]]:
    """What is wrong with the addresses of webhooks that are not there yet."""
    there = {} if environment is None else rows_of(environment, Kind.WEBHOOK).in_bulk()
    known = {row.target_url for row in there.values()}
    urls = {item.values["target_url"] for item in items if item.kind is Kind.WEBHOOK and not item.failures}
    return {url: name_failures(url, "target_url") for url in sorted(urls - known)}


class _Work:
    """The work of one transaction."""

    def __init__(
        self,
        environment: Environment,
        items: list[Wanted],
        names: Mapping[str, list[Failure]],
        *,
        makes_environment: bool,
    ) -> None:
        self._environment = environment
        self._items = items
        self._names = names
        self._makes_environment = makes_environment
        self._faults: list[Fault] = []
        self._broken: set[tuple[Kind, Key]] = set()
        self._parts: list[AppliedPart] = []
        self._secrets: dict[str, str] = {}
        self._others = 0

    def done(self) -> Application:
        """Kind by kind, each object by itself. Raises FaultyFiles with what is wrong with any of them."""
        for kind in Kind:
            items = [item for item in self._items if item.kind is kind and self._is_sound(item)]
            rows = list(rows_of(self._environment, kind))
            found = self._schedules(items, rows) if kind is Kind.SCHEDULE else self._named(kind, items, rows)
            for item, row in found:
                self._save(item, row)
            self._others += len(rows) - sum(row is not None for _, row in found)
        if self._faults:
            raise FaultyFiles(sorted(self._faults, key=lambda fault: (fault.file, fault.line or 0)))
        name, parts = self._environment.name, tuple(self._parts)
        return Application(name, self._makes_environment, parts, self._others, self._secrets)

    def _is_sound(self, item: Wanted) -> bool:
        """Not, if a reference of it can't be filled. What names a faulty object is not judged: it would tell the same
        fault again."""
        if item.failures:
            self._refuse(item, item.failures)
        elif names_needed(item.kind, item.values) & self._broken:
            self._broken.add((item.kind, item.key))
        else:
            return True
        return False

    def _refuse(self, item: Wanted, failures: Iterable[Failure]) -> None:
        self._broken.add((item.kind, item.key))
        told = [Failure(_path(item, failure), item.masked(failure.message)) for failure in failures]
        self._faults += map(item.defined.fault, told)

    def _named(self, kind: Kind, items: list[Wanted], rows: list[Row]) -> list[tuple[Wanted, Row | None]]:
        """Each item with the row of its name."""
        by_key: dict[Key, list[Row]] = {}
        for row in rows:
            by_key.setdefault(key_of(kind, values_of_row(kind, row)), []).append(row)
        found: list[tuple[Wanted, Row | None]] = []
        for item in self._once(items, lambda item: item.key):
            there = by_key.get(item.key, [])
            if len(there) > 1:
                message = f"{len(there)} {kind.noun}s of the environment are called this: rename or delete one."
                self._refuse(item, [Failure("", message)])
            else:
                found.append((item, there[0] if there else None))
        return found

    def _once(self, items: Iterable[Wanted], key: Callable[[Wanted], Any]) -> Iterator[Wanted]:
        """Those that no other item says before."""
        first: dict[Any, Wanted] = {}
        for item in items:
            before = first.setdefault(key(item), item)
            if before is item:
                yield item
            else:
                message = f"This {item.kind.noun} is defined before, in {before.defined.place}."
                self._refuse(item, [Failure("", message)])

    def _schedules(self, items: list[Wanted], rows: list[CronTrigger]) -> list[tuple[Wanted, Row | None]]:
        """Schedules that start the same run are told apart by the expression; a single one left over was changed."""
        resolved = [(item, wanted) for item in items if (wanted := self._resolved(item)) is not None]
        wanted_of = {id(item): wanted for item, wanted in resolved}
        once = self._once((item for item, _ in resolved), lambda item: _slot(wanted_of[id(item)]))
        by_run = sorted(once, key=lambda item: repr(alike(wanted_of[id(item)])))
        found: list[tuple[Wanted, Row | None]] = []
        for run, group in groupby(by_run, key=lambda item: alike(wanted_of[id(item)])):
            there = [row for row in rows if alike(row) == run]
            found += self._paired([(item, _slot(wanted_of[id(item)])) for item in group], there)
        order = {id(item): place for place, item in enumerate(items)}
        return sorted(found, key=lambda pair: order[id(pair[0])])

    def _paired(self, items: list[tuple[Wanted, Any]], rows: list[CronTrigger]) -> list[tuple[Wanted, Row | None]]:
        found: list[tuple[Wanted, Row | None]] = []
        left: list[Wanted] = []
        for item, slot in items:
            row = next((row for row in rows if _slot_of(row) == slot), None)
            if row is None:
                left.append(item)
            else:
                rows.remove(row)
                found.append((item, row))
        if len(left) == 1 and len(rows) == 1:
            return [*found, (left[0], rows[0])]
        if left and rows:
            message = f"is not clear: {len(rows)} schedules of the environment start the same run at other times, and "
            message += f"{len(left)} of the files. Delete those that are not wanted."
            for item in left:
                self._refuse(item, [Failure("cron_expression", message)])
            return found
        return [*found, *((item, None) for item in left)]

    def _resolved(self, item: Wanted) -> dict[str, Any] | None:
        try:
            return schedule_values(self._environment, item.values)
        except InvalidInput as error:
            self._refuse(item, error.failures)
            return None

    def _save(self, item: Wanted, row: Row | None) -> None:
        """Written only if that changes something."""
        before = None if row is None else values_of_row(item.kind, row)
        secret = row.secret if isinstance(row, Webhook) else None
        known = self._names.get(item.values.get("target_url", ""), [])
        try:
            if isinstance(row, CronTrigger) and self._is_same(row, item):
                self._note(item, before, dict(before or {}), Outcome.UNCHANGED)
                return
            with transaction.atomic():
                saved = save(self._environment, item.kind, item.values, row, known)
                after = values_of_row(item.kind, saved)
                changes_secret = isinstance(saved, Webhook) and secret not in (None, saved.secret)
                outcome = Outcome.UPDATED if changes_secret else _outcome(before, after)
                transaction.set_rollback(outcome is Outcome.UNCHANGED)
        except InvalidInput as error:
            self._refuse(item, error.failures)
            return
        part = self._note(item, before, after, outcome, changes_secret=changes_secret)
        if isinstance(saved, Webhook) and row is None and "secret" not in item.values:
            self._secrets[part.title] = str(saved.secret)

    def _is_same(self, row: CronTrigger, item: Wanted) -> bool:
        """Such a schedule stays, also where it would not be accepted today: its webhook may be switched off."""
        wanted = schedule_values(self._environment, item.values)
        own = [name for name in ("error_handling", "is_active") if name in wanted]
        return _slot(wanted) == _slot_of(row) and all(getattr(row, name) == wanted[name] for name in own)

    def _note(
        self,
        item: Wanted,
        before: dict[str, Any] | None,
        after: dict[str, Any],
        outcome: Outcome,
        *,
        changes_secret: bool = False,
    ) -> AppliedPart:
        shown, written = Shown(item.kind, item.hidden), item.defined.values
        told = shown.after(after, written)
        was = None if before is None else shown.before(before, after, written)
        title = title_of(item.kind, {**item.values, **{name: told[name] for name in told if name in item.values}})
        if "secret" in written:
            told["secret"] = written["secret"]
            was = was if was is None else {**was, "secret": BEFORE if changes_secret else written["secret"]}
        self._parts.append(AppliedPart(item.kind, title, outcome, was, told))
        return self._parts[-1]


def _outcome(before: Any, after: Any) -> Outcome:
    if before is None:
        return Outcome.CREATED
    return Outcome.UPDATED if next(differences(before, after), None) else Outcome.UNCHANGED


def _slot(wanted: Mapping[str, Any]) -> tuple[Key, str]:
    try:
        return alike(wanted), cron.normalised(wanted["cron_expression"])
    except cron.BadExpression:  # told when it is saved
        return alike(wanted), wanted["cron_expression"]


def _slot_of(row: CronTrigger) -> tuple[Key, str]:
    return alike(row), row.cron_expression


def _path(item: Wanted, failure: Failure) -> str:
    """Where in the file the services' fault is."""
    first, dot, rest = failure.path.partition(".")
    return failure.path if first in item.values else f"{_PATHS.get(first, first)}{dot}{rest}"
