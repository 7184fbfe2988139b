"""The daemon's own thread that sends webhooks what no run waits for: what happened, errors, what is sent again.

Not a task: it goes on while the broker is down, and never queues behind the runs. Any number of couriers may be at
work at once, since each event is taken by a conditional UPDATE before it is sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any
from uuid import UUID

from celery import bootsteps, signals
from django.db import connection

from runs.database import outages_survived
from runs.engine.deliveries import deliver, due_heads, due_webhooks, receiver_client, take
from runs.models import Delivery

POLL = 0.5  # seconds
AT_ONCE = 32  # events under way: they mostly wait
AT_ONCE_EACH = 2  # of them for one webhook, so that a slow receiver does not hold up the others


class Courier(threading.Thread):
    """Looks for events that are due, and sends each in a short-lived thread. Errors of the database are logged.

    On a stop it takes nothing more. What is under way is finished or, if the process ends before, sent again by
    another courier when the time that it was taken for is over.
    """

    def __init__(self) -> None:
        super().__init__(name="courier", daemon=True)
        self._client = receiver_client(AT_ONCE)  # a connection for each, else the slow would hold up the others
        self._under_way: Counter[UUID] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._woken = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                with outages_survived("courier"):
                    self.look()
                self._woken.wait(POLL)
                self._woken.clear()
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()

    def look(self) -> int:
        """One round: take what is due and may be sent now. Returns how many events are on their way after it."""
        with self._lock:
            under_way = +self._under_way
        free = AT_ONCE - under_way.total()
        busy = [webhook for webhook, count in under_way.items() if count >= AT_ONCE_EACH]
        for webhook_id in due_webhooks(busy, at_most=max(0, free)):
            for delivery in due_heads(webhook_id, at_most=min(free, AT_ONCE_EACH - under_way[webhook_id])):
                if take(delivery):
                    free -= 1
                    self._start(delivery)
        return AT_ONCE - free

    def _start(self, delivery: Delivery) -> None:
        with self._lock:
            self._under_way[delivery.webhook_id] += 1
        threading.Thread(target=self._send, args=[delivery], name="delivery", daemon=True).start()

    def _send(self, delivery: Delivery) -> None:
        try:
            with outages_survived("courier"):
                deliver(delivery, self._client)
        finally:
            connection.close()
            with self._lock:
                self._under_way[delivery.webhook_id] -= 1
            self._woken.set()


class CourierStep(bootsteps.StartStopStep):
    """Starts the courier once the worker has its queues. A reconnect to the broker finds it running."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    courier: Courier | None = None

    def start(self, consumer: Any) -> None:
        if CourierStep.courier is None:
            CourierStep.courier = Courier()
            CourierStep.courier.start()


@signals.worker_shutting_down.connect
def _stop(**_: Any) -> None:
    if CourierStep.courier is not None:
        CourierStep.courier.stop()
