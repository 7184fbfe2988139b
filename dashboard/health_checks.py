"""The lines of the page Health and of `manage.py doctor`: one thing each, how it is, and what to do about it.

Each is looked at by itself, so that what fails takes no other line with it.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Min
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from dashboard.broker_state import BrokerDown, queue_lengths
from dashboard.health import missing_migrations
from dashboard.marks import Kind, Mark, silent
from dashboard.templatetags.syncdeck import duration, number
from runs.database import DATABASE_FAULTS
from runs.models import CronTrigger, Daemon, SyncJobRun
from runs.punctuality import FIRED_WITHIN, unfired
from runs.queues import COUNT_CAP, WaitingGroup, waiting_groups
from runs.version import VERSION

GOOD = Mark(Kind.COMPLETED, "Good")
WORTH_A_LOOK = Mark(Kind.WARNED, "Worth a look")
BAD = Mark(Kind.FAILED, "Bad")
KEPT_SECONDS = 3  # one look serves all open tabs
SLOW_DATABASE = timedelta(milliseconds=100)
WRONG_CLOCK = timedelta(seconds=5)
LONG_QUEUE = timedelta(minutes=5)
LATE_SWEEPS = 4
MOST_GROUPS = 20
DATABASE = "Database"
START_IT = "Start it, or look at DATABASE_URL and at the way there."
LITTLE_DISK, HARDLY_ANY_DISK = 2 * 1024**3, 256 * 1024**2


Look = Callable[[datetime], "list[Check]"]


@dataclass(frozen=True)
class Check:
    """`words` is how it is, `advice` what to do about it: empty where there is nothing to do."""

    name: str
    mark: Mark
    words: str
    advice: str = ""

    @property
    def is_good(self) -> bool:
        return self.mark == GOOD


def health_checks() -> list[Check]:
    """All lines, at most `KEPT_SECONDS` old."""
    return cache.get_or_set("health-checks", lambda: looked(LOOKS), KEPT_SECONDS) or []


def verdict(checks: list[Check]) -> Mark:
    """The worst of the lines, in words for all of them."""
    kinds = {check.mark.kind for check in checks}
    if Kind.FAILED in kinds:
        return Mark(Kind.FAILED, "Something is broken")
    return Mark(Kind.WARNED, "Worth a look") if Kind.WARNED in kinds else Mark(Kind.COMPLETED, "All is well")


def looked(looks: Mapping[str, Look]) -> list[Check]:
    """The lines of these alone, looked at now."""
    now = timezone.now()
    return [line for name, look in looks.items() for line in _safely(name, look, now)]


def _safely(name: str, look: Look, now: datetime) -> list[Check]:
    try:
        return look(now)
    except DATABASE_FAULTS as error:
        words = f"It could not be looked at: the database answered {type(error).__name__}."
        return [Check(name, BAD, words, START_IT if name == DATABASE else "Look at the database first.")]


def _database(now: datetime) -> list[Check]:
    begun = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = timezone.now() - begun
    size = _size()
    server = ".".join(map(str, connection.get_database_version()))
    milliseconds = took / timedelta(milliseconds=1)
    latency = f"in {milliseconds:.1f} ms" if milliseconds >= 0.1 else "within 0.1 ms"
    words = f"{connection.display_name} {server}, answers {latency}, {size}."
    if took > SLOW_DATABASE:
        return [Check(DATABASE, WORTH_A_LOOK, words, "It is slow to answer: look at its load and its disk.")]
    return [Check(DATABASE, GOOD, words)]


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
        advice = "Run `python manage.py migrate`, and start the other processes again."
        return [Check("Tables", BAD, f"Migrations that are not applied: {missing}.", advice)]
    return [Check("Tables", GOOD, "Up to date: every migration is applied.")]


def _clocks(now: datetime) -> list[Check]:
    """Leases and slots are judged by the database's clock; ages on the pages, and tokens of sources, by this host's."""
    with connection.cursor() as cursor:
        sqlite = "SELECT (julianday('now') - 2440587.5) * 86400.0"
        before = timezone.now().timestamp()
        cursor.execute(sqlite if connection.vendor == "sqlite" else "SELECT extract(epoch FROM clock_timestamp())")
        difference = float(cursor.fetchone()[0]) - (before + timezone.now().timestamp()) / 2
    words = f"Database and this host differ by {abs(difference):.2f} s."
    if abs(difference) > WRONG_CLOCK.total_seconds():
        advice = "Let both hosts set their clocks by NTP: ages on the pages are wrong, and tokens end unforeseen."
        return [Check("Clocks", WORTH_A_LOOK, words, advice)]
    return [Check("Clocks", GOOD, words)]


BROKERS = {"filesystem": "Embedded broker", "amqp": "RabbitMQ", "amqps": "RabbitMQ", "rediss": "Redis"}


def _broker(now: datetime) -> list[Check]:
    groups = _groups_in_use()[:MOST_GROUPS]
    scheme = settings.CELERY_BROKER_URL.partition(":")[0]
    kind = BROKERS.get(scheme, scheme.title())
    try:
        lengths = queue_lengths(groups)
    except BrokerDown as error:
        words = f"{kind}: no answer within a second ({error})."
        advice = "Start it again. Meanwhile runs wait in the database; nothing is lost, stops and starts come later."
        return [Check("Broker", BAD, words, advice)]
    waiting = ", ".join(f"{number(length)} for {group}" for group, length in lengths.items() if length)
    return [Check("Broker", GOOD, f"{kind} answers. Messages waiting: {waiting or 'none'}.")]


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
    counts = ", ".join(f"{count} in {group}" for group, count in sorted(alive.items())[:MOST_GROUPS])
    if not alive:
        advice = "Start one: `python manage.py up`, or `python manage.py daemon --group default` alone."
        return [*lines, Check("Daemons", BAD, "None is alive; no run makes progress.", advice)]
    return [*lines, Check("Daemons", GOOD, f"Alive: {counts}.")]


def _group_without_daemon(group: WaitingGroup) -> Check:
    words = f"None of the group {group.key} is alive; runs that wait for one: {group.shown_count}."
    return Check("Daemons", BAD, words, f"Start one: `python manage.py daemon --group {group.key}`.")


def _queue(now: datetime) -> list[Check]:
    waiting = waiting_groups()
    if not waiting:
        return [Check("Queue", GOOD, "No run waits for a daemon.")]
    counts = ", ".join(f"{group.shown_count} in {group.key}" for group in waiting[:MOST_GROUPS])
    oldest = max(group.age(now) for group in waiting)
    words = f"Waiting for a daemon: {counts}; the longest for {duration(oldest)}."
    if oldest > LONG_QUEUE:
        return [Check("Queue", WORTH_A_LOOK, words, "Start more daemons, or give those there are more concurrency.")]
    return [Check("Queue", GOOD, words)]


def _scheduler(now: datetime) -> list[Check]:
    armed = CronTrigger.objects.live().filter(is_active=True)
    missed = armed.filter(unfired(now)).order_by()[: COUNT_CAP + 1].count()
    if missed:
        oldest = armed.aggregate(oldest=Min("next_run_at"))["oldest"]
        shown = f"{number(COUNT_CAP)}+" if missed > COUNT_CAP else number(missed)
        words = f"Slots that have come and were not fired: {shown}, the oldest for {duration(now - oldest)}."
        advice = "Start the scheduler: `celery -A dashboard beat`. Missed slots are made up for by one run each."
        return [Check("Scheduler", BAD, words, advice)]
    due = armed.aggregate(next=Min("next_run_at"))["next"]
    if due is None:
        return [Check("Scheduler", GOOD, "No schedule is armed, so nothing tells whether it runs.")]
    ahead = f"the next slot is in {duration(due - now)}" if due > now else "a slot is due now"
    return [Check("Scheduler", GOOD, f"No slot waits for longer than {duration(FIRED_WITHIN)}; {ahead}.")]


def _sweep(now: datetime) -> list[Check]:
    """Daemons tell their last sweep with their heartbeat."""
    swept = [time for daemon in Daemon.objects.alive() if (time := daemon.swept_at)]
    stale = SyncJobRun.objects.filter(silent(now)).order_by()[: COUNT_CAP + 1].count()
    left = f" Runs that have lost their daemon and wait to be taken over: {number(stale)}." if stale else ""
    if not swept:
        advice = "Daemons sweep, so start one." if not Daemon.objects.alive().exists() else ""
        return [Check("Sweep", WORTH_A_LOOK, f"No living daemon has told of a sweep yet.{left}", advice)]
    age = now - max(swept)
    words = f"Lost and forgotten runs were last looked for {duration(age)} ago.{left}"
    if age > LATE_SWEEPS * timedelta(seconds=settings.SWEEP_SECONDS):
        advice = "A sweep takes far longer than usual: look at the daemons' logs and at the database."
        return [Check("Sweep", BAD, words, advice)]
    return [Check("Sweep", WORTH_A_LOOK if stale else GOOD, words)]


def _disk(now: datetime) -> list[Check]:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError as error:
        advice = "Set DATA_DIR to a folder that can be read and written."
        return [Check("Disk", BAD, f"DATA_DIR can't be looked at ({error.strerror}).", advice)]
    free, whole = (str(filesizeformat(size)).replace("\xa0", " ") for size in (usage.free, usage.total))
    words = f"{free} of {whole} are free where DATA_DIR is."
    if usage.free < LITTLE_DISK:
        mark = BAD if usage.free < HARDLY_ANY_DISK else WORTH_A_LOOK
        return [Check("Disk", mark, words, "Free some, or move DATA_DIR: without space nothing can be stored.")]
    return [Check("Disk", GOOD, words)]


def _versions(now: datetime) -> list[Check]:
    packages = ", ".join(f"{name} {metadata.version(name.lower())}" for name in ("Django", "Celery"))
    own = f"Syncdeck {VERSION}, Python {platform.python_version()}, {packages}"
    others = {str(daemon.metadata.get("version", VERSION)) for daemon in Daemon.objects.alive()} - {VERSION}
    if others:
        advice = "Bring all processes to one version."
        return [Check("Versions", WORTH_A_LOOK, f"{own}; daemons of {', '.join(sorted(others))}.", advice)]
    return [Check("Versions", GOOD, f"{own}.")]


LOOKS: dict[str, Look] = {
    DATABASE: _database,
    "Tables": _tables,
    "Clocks": _clocks,
    "Broker": _broker,
    "Daemons": _daemons,
    "Queue": _queue,
    "Scheduler": _scheduler,
    "Sweep": _sweep,
    "Disk": _disk,
    "Versions": _versions,
}
