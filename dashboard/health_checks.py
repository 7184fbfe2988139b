"""The lines of the page Health and of `manage.py doctor`: one thing each, how it is, and what to do about it.

Each is looked at by itself, so that what fails takes no other line with it.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from itertools import islice

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Min
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, gettext_noop
from django.utils.translation import gettext as _

from dashboard.broker_state import BrokerDown, queue_lengths
from dashboard.durations import duration
from dashboard.health import missing_migrations
from dashboard.marks import Kind, Mark, silent
from dashboard.templatetags.syncdeck import number
from runs.database import DATABASE_FAULTS
from runs.models import CronTrigger, Daemon, SyncJobRun
from runs.punctuality import FIRED_WITHIN, unfired
from runs.queues import COUNT_CAP, WaitingGroup, waiting_groups
from runs.version import VERSION

GOOD, WORTH_A_LOOK, BAD = Kind.COMPLETED, Kind.WARNED, Kind.FAILED
_WORDS = {GOOD: gettext_lazy("Good"), WORTH_A_LOOK: gettext_lazy("Worth a look"), BAD: gettext_lazy("Bad")}
KEPT_SECONDS = 3  # one look serves all open tabs
SLOW_DATABASE = timedelta(milliseconds=100)
WRONG_CLOCK = timedelta(seconds=5)
LONG_QUEUE = timedelta(minutes=5)
LATE_SWEEPS = 4
MOST_GROUPS = 20
DATABASE = gettext_noop("Database")
START_IT = gettext_lazy("Start it, or look at DATABASE_URL and at the way there.")
LITTLE_DISK, HARDLY_ANY_DISK = 2 * 1024**3, 256 * 1024**2


Look = Callable[[datetime], "list[Check]"]


@dataclass(frozen=True)
class Check:
    """`words` is how it is, `advice` what to do about it: empty where there is nothing to do."""

    name: str
    kind: Kind
    words: str
    advice: str = ""

    @property
    def mark(self) -> Mark:
        return Mark(self.kind, str(_WORDS[self.kind]))

    @property
    def is_good(self) -> bool:
        return self.kind == GOOD


def health_checks() -> list[Check]:
    """All lines, at most `KEPT_SECONDS` old, in the reader's language."""
    return cache.get_or_set(f"health-checks-{get_language()}", lambda: looked(LOOKS), KEPT_SECONDS) or []


def verdict(checks: list[Check]) -> Mark:
    """The worst of the lines, in words for all of them."""
    kinds = {check.kind for check in checks}
    if Kind.FAILED in kinds:
        return Mark(Kind.FAILED, _("Something is broken"))
    return Mark(Kind.WARNED, _("Worth a look")) if Kind.WARNED in kinds else Mark(Kind.COMPLETED, _("All is well"))


def looked(looks: Mapping[str, Look]) -> list[Check]:
    """The lines of these alone, looked at now."""
    now = timezone.now()
    return [line for name, look in looks.items() for line in _safely(name, look, now)]


def _safely(name: str, look: Look, now: datetime) -> list[Check]:
    try:
        return look(now)
    except DATABASE_FAULTS as error:
        words = _("It could not be looked at: the database answered {error}.").format(error=type(error).__name__)
        advice = str(START_IT) if name == DATABASE else _("Look at the database first.")
        return [Check(_(name), BAD, words, advice)]


def _database(now: datetime) -> list[Check]:
    begun = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = timezone.now() - begun
    size = _size()
    server = ".".join(map(str, connection.get_database_version()))
    milliseconds = took / timedelta(milliseconds=1)
    latency = f"{milliseconds:.1f}" if milliseconds >= 0.1 else "0.1"
    words = _("{server}, answers in {latency} ms, {size}.")
    if milliseconds < 0.1:
        words = _("{server}, answers within {latency} ms, {size}.")
    words = words.format(server=f"{connection.display_name} {server}", latency=latency, size=size)
    if took > SLOW_DATABASE:
        return [Check(_(DATABASE), WORTH_A_LOOK, words, _("It is slow to answer: look at its load and its disk."))]
    return [Check(_(DATABASE), GOOD, words)]


def _size() -> str:
    question = {
        "postgresql": "SELECT pg_database_size(current_database())",
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(filesizeformat(cursor.fetchone()[0])).replace("\xa0", " ")


def _tables(now: datetime) -> list[Check]:
    missing = missing_migrations()
    if missing:
        words = _("Migrations that are not applied: {count}.").format(count=missing)
        advice = _("Run `python manage.py migrate`, and start the other processes again.")
        return [Check(_("Tables"), BAD, words, advice)]
    return [Check(_("Tables"), GOOD, _("Up to date: every migration is applied."))]


def _clocks(now: datetime) -> list[Check]:
    """Leases and slots are judged by the database's clock; ages on the pages, and tokens of sources, by this host's."""
    with connection.cursor() as cursor:
        sqlite = "SELECT (julianday('now') - 2440587.5) * 86400.0"
        before = timezone.now().timestamp()
        cursor.execute(sqlite if connection.vendor == "sqlite" else "SELECT extract(epoch FROM clock_timestamp())")
        difference = float(cursor.fetchone()[0]) - (before + timezone.now().timestamp()) / 2
    words = _("Database and this host differ by {seconds} s.").format(seconds=f"{abs(difference):.2f}")
    if abs(difference) > WRONG_CLOCK.total_seconds():
        advice = _("Let both hosts set their clocks by NTP: ages on the pages are wrong, and tokens end unforeseen.")
        return [Check(_("Clocks"), WORTH_A_LOOK, words, advice)]
    return [Check(_("Clocks"), GOOD, words)]


BROKERS = {"filesystem": gettext_lazy("Embedded broker"), "amqp": "RabbitMQ", "amqps": "RabbitMQ", "rediss": "Redis"}


def _broker(now: datetime) -> list[Check]:
    groups = _groups_in_use()[:MOST_GROUPS]
    scheme = settings.CELERY_BROKER_URL.partition(":")[0]
    kind = BROKERS.get(scheme, scheme.title())
    try:
        lengths = queue_lengths(groups)
    except BrokerDown as error:
        words = _("{broker}: no answer within a second ({error}).").format(broker=kind, error=error)
        advice = _("Start it again. Meanwhile runs wait in the database; nothing is lost, stops and starts come later.")
        return [Check(_("Broker"), BAD, words, advice)]
    counts = (
        _("{count} for {group}").format(count=number(length), group=group)
        for group, length in lengths.items()
        if length
    )
    words = _("{broker} answers. Messages waiting: {counts}.")
    return [Check(_("Broker"), GOOD, words.format(broker=kind, counts=", ".join(counts) or _("none")))]


def _groups_in_use() -> list[str]:
    """None while the database does not tell them: the broker can be asked all the same."""
    try:
        return sorted({*Daemon.objects.living_groups(), *(group.key for group in waiting_groups())})
    except DATABASE_FAULTS:
        return []


def _daemons(now: datetime) -> list[Check]:
    """A group is in use while it has living daemons or waiting runs."""
    alive: dict[str, int] = {}
    for daemon in Daemon.objects.alive():
        for group in daemon.groups:
            alive[group] = alive.get(group, 0) + 1
    lines = [_group_without_daemon(group) for group in waiting_groups() if group.key not in alive]
    if not alive:
        advice = _("Start one: `python manage.py up`, or `python manage.py daemon --group default` alone.")
        return [*lines, Check(_("Daemons"), BAD, _("None is alive; no run makes progress."), advice)]
    counts = _in_groups(sorted(alive.items()))
    return [*lines, Check(_("Daemons"), GOOD, _("Alive: {counts}.").format(counts=counts))]


def _in_groups(counts: Iterable[tuple[str, int | str]]) -> str:
    """How many there are in each group."""
    told = (_("{count} in {group}").format(count=count, group=group) for group, count in counts)
    return ", ".join(islice(told, MOST_GROUPS))


def _group_without_daemon(group: WaitingGroup) -> Check:
    words = _("None of the group {group} is alive; runs that wait for one: {count}.")
    advice = _("Start one: `python manage.py daemon --group {group}`.").format(group=group.key)
    return Check(_("Daemons"), BAD, words.format(group=group.key, count=group.shown_count), advice)


def _queue(now: datetime) -> list[Check]:
    waiting = waiting_groups()
    if not waiting:
        return [Check(_("Queue"), GOOD, _("No run waits for a daemon."))]
    counts = _in_groups((group.key, group.shown_count) for group in waiting)
    oldest = max(group.age(now) for group in waiting)
    words = _("Waiting for a daemon: {counts}; the longest for {age}.").format(counts=counts, age=duration(oldest))
    if oldest > LONG_QUEUE:
        return [
            Check(_("Queue"), WORTH_A_LOOK, words, _("Start more daemons, or give those there are more concurrency."))
        ]
    return [Check(_("Queue"), GOOD, words)]


def _scheduler(now: datetime) -> list[Check]:
    armed = CronTrigger.objects.live().filter(is_active=True)
    missed = armed.filter(unfired(now)).order_by()[: COUNT_CAP + 1].count()
    if missed:
        oldest = armed.aggregate(oldest=Min("next_run_at"))["oldest"]
        shown = f"{number(COUNT_CAP)}+" if missed > COUNT_CAP else number(missed)
        words = _("Slots that have come and were not fired: {count}, the oldest for {age}.")
        words = words.format(count=shown, age=duration(now - oldest))
        advice = _("Start the scheduler: `celery -A dashboard beat`. Missed slots are made up for by one run each.")
        return [Check(_("Scheduler"), BAD, words, advice)]
    due = armed.aggregate(next=Min("next_run_at"))["next"]
    if due is None:
        return [Check(_("Scheduler"), GOOD, _("No schedule is armed, so nothing tells whether it runs."))]
    words = _("No slot waits for longer than {patience}; a slot is due now.")
    if due > now:
        words = _("No slot waits for longer than {patience}; the next slot is in {ahead}.")
    return [Check(_("Scheduler"), GOOD, words.format(patience=duration(FIRED_WITHIN), ahead=duration(due - now)))]


def _sweep(now: datetime) -> list[Check]:
    """Daemons tell their last sweep with their heartbeat."""
    swept = [time for daemon in Daemon.objects.alive() if (time := daemon.swept_at)]
    stale = SyncJobRun.objects.filter(silent(now)).order_by()[: COUNT_CAP + 1].count()
    left = _("Runs that have lost their daemon and wait to be taken over: {count}.") if stale else ""
    left = left.format(count=number(stale))
    if not swept:
        advice = _("Daemons sweep, so start one.") if not Daemon.objects.alive().exists() else ""
        return [Check(_("Sweep"), WORTH_A_LOOK, _joined(_("No living daemon has told of a sweep yet."), left), advice)]
    age = now - max(swept)
    words = _("Lost and forgotten runs were last looked for {age} ago.").format(age=duration(age))
    words = _joined(words, left)
    if age > LATE_SWEEPS * timedelta(seconds=settings.SWEEP_SECONDS):
        advice = _("A sweep takes far longer than usual: look at the daemons' logs and at the database.")
        return [Check(_("Sweep"), BAD, words, advice)]
    return [Check(_("Sweep"), WORTH_A_LOOK if stale else GOOD, words)]


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _disk(now: datetime) -> list[Check]:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError as error:
        advice = _("Set DATA_DIR to a folder that can be read and written.")
        return [Check(_("Disk"), BAD, _("DATA_DIR can't be looked at ({error}).").format(error=error.strerror), advice)]
    free, whole = (str(filesizeformat(size)).replace("\xa0", " ") for size in (usage.free, usage.total))
    words = _("{free} of {whole} are free where DATA_DIR is.").format(free=free, whole=whole)
    if usage.free < LITTLE_DISK:
        kind = BAD if usage.free < HARDLY_ANY_DISK else WORTH_A_LOOK
        return [Check(_("Disk"), kind, words, _("Free some, or move DATA_DIR: without space nothing can be stored."))]
    return [Check(_("Disk"), GOOD, words)]


def _versions(now: datetime) -> list[Check]:
    packages = ", ".join(f"{name} {metadata.version(name.lower())}" for name in ("Django", "Celery"))
    own = f"Syncdeck {VERSION}, Python {platform.python_version()}, {packages}"
    others = {str(daemon.metadata.get("version", VERSION)) for daemon in Daemon.objects.alive()} - {VERSION}
    if others:
        words = _("{versions}; daemons of {others}.").format(versions=own, others=", ".join(sorted(others)))
        advice = _("Bring all processes to one version.")
        return [Check(_("Versions"), WORTH_A_LOOK, words, advice)]
    return [Check(_("Versions"), GOOD, f"{own}.")]


LOOKS: dict[str, Look] = {
    DATABASE: _database,
    gettext_noop("Tables"): _tables,
    gettext_noop("Clocks"): _clocks,
    gettext_noop("Broker"): _broker,
    gettext_noop("Daemons"): _daemons,
    gettext_noop("Queue"): _queue,
    gettext_noop("Scheduler"): _scheduler,
    gettext_noop("Sweep"): _sweep,
    gettext_noop("Disk"): _disk,
    gettext_noop("Versions"): _versions,
}
