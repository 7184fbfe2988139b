"""The daemon's own thread that sends what no run waits for: events to webhooks, and the messages of alert rules.

Not a task: it goes on while the broker is down, and never queues behind the runs. Any number of couriers may be at
work at once, since each event or message is taken by a conditional UPDATE before it is sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from celery import bootsteps, signals
from django.db import connection

from runs.connectors import ReceiverClient
from runs.database import outages_survived
from runs.engine import alert_sending
from runs.engine.deliveries import deliver, due_heads, due_webhooks, receiver_client, take
from runs.log_ids import log_ids
from runs.models import AlertRule, Webhook
from runs.senders import Senders

POLL = 0.5  # seconds
AT_ONCE = 32  # sends under way: they mostly wait
AT_ONCE_EACH = 2  # of them for one webhook or rule, so that a slow receiver does not hold up the others


class Courier(threading.Thread):
    """Looks for events that are due, and sends each in a thread of its own. Errors of the database are logged.

    On a stop it takes nothing more. What is under way is finished or, if the process ends before, sent again by
    another courier when the time that it was taken for is over.
    """

    def __init__(self) -> None:
        super().__init__(name="courier", daemon=True)
        self._client = receiver_client(AT_ONCE)  # a connection for each, else the slow would hold up the others
        self._senders = Senders()
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
        self._senders.end()

    def look(self) -> int:
        """One round: take what is due and may be sent now. Returns how many sends are under way after it."""
        self._look_for_alerts()  # first: they are few, and a person waits for them
        self._look_for_events()
        return AT_ONCE - self._free()

    def _look_for_events(self) -> None:
        for webhook_id in due_webhooks(self._busy(), at_most=self._free()):
            for delivery in due_heads(webhook_id, at_most=self._free(webhook_id)):
                if take(delivery):
                    self._start(webhook_id, deliver, delivery, delivery_id=delivery.id, **_of(delivery.webhook))

    def _look_for_alerts(self) -> None:
        for message in alert_sending.due_messages(self._busy(), at_most=self._free()):
            if self._free(message.rule_id) and alert_sending.take(message):
                self._start(message.rule_id, alert_sending.send, message, alert_id=message.id, **_of(message.rule))

    def _free(self, receiver_id: UUID | None = None) -> int:
        """How many sends may begin now, of all or to this receiver."""
        with self._lock:
            free = AT_ONCE - self._under_way.total()
            return max(0, free if receiver_id is None else min(free, AT_ONCE_EACH - self._under_way[receiver_id]))

    def _busy(self) -> list[UUID]:
        with self._lock:
            return [receiver for receiver, count in self._under_way.items() if count >= AT_ONCE_EACH]

    def _start(self, receiver_id: UUID, send: Callable[[Any, ReceiverClient], None], what: Any, **ids: object) -> None:
        with self._lock:
            self._under_way[receiver_id] += 1
        self._senders.start(partial(self._send, receiver_id, send, what, ids))

    def _send(
        self, receiver_id: UUID, send: Callable[[Any, ReceiverClient], None], what: Any, ids: dict[str, object]
    ) -> None:
        try:
            of_run = {"run_id": what.run_id, "job_id": what.job_id, "account_id": what.account_id}
            with log_ids(**of_run, **ids), outages_survived("courier"):
                send(what, self._client)
        finally:
            with self._lock:
                self._under_way[receiver_id] -= 1
                self._under_way += Counter()  # forget those that have nothing under way
            self._woken.set()


def _of(receiver: Webhook | AlertRule) -> dict[str, object]:
    name = "webhook_id" if isinstance(receiver, Webhook) else "alert_rule_id"
    return {name: receiver.id, "environment_id": receiver.environment_id}


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
