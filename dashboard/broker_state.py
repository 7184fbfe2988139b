"""Whether the broker answers, and how many messages wait in it. No call takes much longer than `PATIENCE`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from kombu.exceptions import ChannelError
from kombu.exceptions import OperationalError as Unreachable

from runs.dispatch import hurried_connection, queue_of

PATIENCE = 1.0  # seconds


class BrokerDown(Exception):
    """The broker does not answer, or not as it should; the text says how."""


def ask_broker() -> None:
    """Raises BrokerDown. The embedded broker is there where its files can be written."""
    with _broker():
        return


def queue_lengths(groups: Iterable[str]) -> dict[str, int]:
    """How many messages wait for the daemons of each group. Raises BrokerDown."""
    with _broker() as broker:
        return {group: _length(broker, queue_of(group)) for group in groups}


@contextmanager
def _broker() -> Iterator[Any]:
    """A connection of its own, with timeouts of its own: those that are shared wait longer."""
    if settings.EMBEDDED_BROKER and not os.access(settings.DATA_DIR, os.W_OK):
        raise BrokerDown(_("its folder can't be written"))
    connection = hurried_connection(PATIENCE)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=PATIENCE, interval_start=0)
            yield connection
    except (Unreachable, ChannelError, OSError, *connection.connection_errors, *connection.channel_errors) as error:
        raise BrokerDown(type(error).__name__) from error


def _length(broker: Any, queue: str) -> int:
    """A queue that nothing was ever sent to is not there, and empty. RabbitMQ closes the channel that asks for it."""
    try:
        with broker.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:
        return 0
