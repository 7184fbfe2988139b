"""`/metrics`: the installation in numbers, for Prometheus.

Everything is counted from the database, since daemons are other processes. What is now (gauges) is read from small sets
by their indexes, and bounded. What has happened (counters, the histogram) is tallied from the runs that have ended
since the last look, so each ended run is read once: the numbers begin with this web process, as Prometheus expects of a
counter, and one process is scraped, not several summed up.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from secrets import compare_digest
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dashboard.marks import silent
from runs.models import CronTrigger, Daemon, Delivery, DeliveryStatus, RunStatus, RunStep, SyncJobRun, Webhook
from runs.punctuality import unfired
from runs.queues import waiting_groups

KEPT_SECONDS = 10
COUNT_CAP = 10_000  # a gauge does not count on beyond it
MOST_ENDED = 20_000  # of one look; the next goes on behind them
MOST_LABELS = 50
OTHERS = "other"
BUCKETS = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400)  # seconds
SETTLED = timedelta(seconds=5)  # by then whoever has written an end has committed it
RECENT = timedelta(hours=1)
ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED)


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever brings `METRICS_TOKEN`, and for superusers: the numbers are of all environments."""
    if "Authorization" in request.headers or not request.user.is_authenticated:
        return _numbers(request) if _has_token(request) else _unknown()
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied("Metrics are of all environments, and therefore for superusers.")
    return _numbers(request)


@require_safe
def _numbers(request: HttpRequest) -> HttpResponse:
    return HttpResponse(cache.get_or_set("metrics", _text, KEPT_SECONDS), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return scheme.lower() == "bearer" and bool(wanted) and compare_digest(token.strip().encode(), wanted.encode())


def _unknown() -> HttpResponse:
    words = "Authorization: Bearer METRICS_TOKEN is required.\n"
    return HttpResponse(words, "text/plain", status=401, headers={"WWW-Authenticate": "Bearer"})


def _text() -> bytes:
    registry = CollectorRegistry()
    registry.register(_Collector())
    return generate_latest(registry)


class Tally:
    """What has ended since `since`, counted on by each look. Safe for the threads of one process."""

    def __init__(self, since: datetime) -> None:
        self._lock = threading.Lock()
        self._last: tuple[datetime, UUID] = (since, UUID(int=0))
        self.ended: Counter[str] = Counter()
        self.in_bucket = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.fetched: Counter[str] = Counter()
        self.persisted: Counter[str] = Counter()

    def look(self, now: datetime) -> None:
        """Add the runs that have ended since, at most `MOST_ENDED`."""
        with self._lock:
            runs = self._newly_ended(now - SETTLED)
            for _, status, started_at, finished_at in runs:
                self._add(status, started_at, finished_at)
            self._add_steps([run_id for run_id, *_ in runs])
            if runs:
                self._last = (runs[-1][3], runs[-1][0])

    def _newly_ended(self, until: datetime) -> list[tuple[UUID, str, datetime | None, datetime]]:
        """In the order of the index `run_ended`."""
        time, run_id = self._last
        beyond = Q(finished_at__gt=time) | Q(finished_at=time, id__gt=run_id)
        runs = SyncJobRun.objects.filter(beyond, finished_at__gte=time, finished_at__lte=until)
        rows = runs.order_by("finished_at", "id").values_list("id", "status", "started_at", "finished_at")[:MOST_ENDED]
        return [(run_id, status, started, finished) for run_id, status, started, finished in rows if finished]

    def _add(self, status: str, started_at: datetime | None, finished_at: datetime) -> None:
        """A run that was stopped before its start has ended, and has no duration."""
        self.ended[status] += 1
        if started_at is not None:
            took = max(0.0, (finished_at - started_at).total_seconds())
            self.in_bucket[bisect_left(BUCKETS, took)] += 1
            self.seconds += took

    def _add_steps(self, run_ids: list[UUID]) -> None:
        for start in range(0, len(run_ids), 500):
            steps = RunStep.objects.filter(run__in=run_ids[start : start + 500])
            for resource, fetched, persisted in steps.values_list("resource", "fetched", "persisted"):
                label = resource if resource in self.fetched or len(self.fetched) < MOST_LABELS else OTHERS
                self.fetched[label] += fetched
                self.persisted[label] += persisted


TALLY = Tally(timezone.now())


class _Collector:
    """Reads all numbers anew each time that it is asked."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        TALLY.look(now)
        yield from _happened(TALLY)
        yield from _queue(now)
        yield from _workers(now)
        yield from _deliveries(now)


def _happened(tally: Tally) -> Iterator[Metric]:
    ended = CounterMetricFamily("syncdeck_runs_ended", "Runs that have ended, by how.", labels=["status"])
    for status in ENDED:
        ended.add_metric([status], tally.ended[status])
    yield ended
    buckets = zip([*map(str, BUCKETS), "+Inf"], accumulate(tally.in_bucket), strict=True)
    took = HistogramMetricFamily("syncdeck_run_duration_seconds", "From a run's first start to its end.")
    took.add_metric([], [(edge, float(count)) for edge, count in buckets], tally.seconds)
    yield took
    for name, counts, words in (
        ("fetched", tally.fetched, "Records that ended runs have fetched, by resource."),
        ("persisted", tally.persisted, "Records that the store or a webhook took from ended runs, by resource."),
    ):
        records = CounterMetricFamily(f"syncdeck_records_{name}", words, labels=["resource"])
        for resource, count in counts.items():
            records.add_metric([resource], count)
        yield records


def _queue(now: datetime) -> Iterator[Metric]:
    live = SyncJobRun.objects.live()
    runs = GaugeMetricFamily("syncdeck_runs", "Runs that have not ended.", labels=["status"])
    for status in (RunStatus.CREATED, RunStatus.RUNNING):
        runs.add_metric([status], _bounded(live.filter(status=status)))
    yield runs
    stale = GaugeMetricFamily("syncdeck_stale_runs", "Running runs of whose daemon there is no sign of life.")
    stale.add_metric([], _bounded(SyncJobRun.objects.filter(silent(now))))
    yield stale
    waiting = GaugeMetricFamily("syncdeck_waiting_runs", "Runs that wait for a daemon.", labels=["group"])
    oldest = GaugeMetricFamily("syncdeck_oldest_created_run_age_seconds", "Of those, the oldest.", labels=["group"])
    for group in waiting_groups()[:MOST_LABELS]:
        waiting.add_metric([group.key], group.count)
        oldest.add_metric([group.key], group.age(now).total_seconds())
    yield waiting
    yield oldest


def _workers(now: datetime) -> Iterator[Metric]:
    alive = Counter(group for daemon in Daemon.objects.alive() for group in daemon.groups)
    daemons = GaugeMetricFamily("syncdeck_daemons", "Living daemons.", labels=["group"])
    for group, count in alive.most_common(MOST_LABELS):
        daemons.add_metric([group], count)
    yield daemons
    late = GaugeMetricFamily("syncdeck_overdue_slots", "Slots of armed schedules that have come and were not fired.")
    late.add_metric([], _bounded(CronTrigger.objects.live().filter(unfired(now))))
    yield late


def _deliveries(now: datetime) -> Iterator[Metric]:
    pending = GaugeMetricFamily("syncdeck_deliveries_pending", "Events that wait to be sent to webhooks.")
    pending.add_metric([], _bounded(Delivery.objects.filter(status=DeliveryStatus.PENDING)))
    yield pending
    webhooks = Webhook.objects.live().values_list("id", flat=True).order_by("-created_at", "-id")[:MOST_LABELS]
    counts: Counter[str] = Counter()
    for webhook_id in list(webhooks):
        recent = Delivery.objects.filter(webhook=webhook_id, created_at__gt=now - RECENT).order_by("-created_at", "-id")
        counts.update(recent.values_list("status", flat=True)[:COUNT_CAP])
    recently = GaugeMetricFamily("syncdeck_deliveries_last_hour", "Events of the last hour.", labels=["status"])
    for status in DeliveryStatus.values:
        recently.add_metric([status], counts[status])
    yield recently


def _bounded(rows: QuerySet[Any]) -> int:
    """How many there are, up to `COUNT_CAP`."""
    return rows.order_by()[:COUNT_CAP].count()
