"""The embedded broker's transport: kombu's messages in files, each of which is there as a whole or not at all.

Kombu opens a message's file under its final name and then fills it. A daemon that looks in between takes an empty
message, which ends its process; so the file is filled under another name here, and renamed.
"""

from __future__ import annotations

import json
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

from dashboard.broker import prepare_embedded_broker

LONGEST_WAIT = 0.2  # seconds


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override] # as kombu itself does
        name = f"{time_ns()}_{uuid4()}.{queue}.msg"
        partial = Path(self.data_folder_out, f"{name}.partial")
        try:
            partial.write_text(dumps(payload), "utf-8")
            partial.rename(partial.with_suffix(""))
        except OSError as error:
            raise ChannelError(f"The message {partial} can't be written.") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The next message. Raises Empty if there is none, and where one is unreadable: the sweep repeats it."""
        try:
            return super()._get(queue)
        except json.JSONDecodeError as error:
            raise Empty from error
        except FileNotFoundError as error:
            prepare_embedded_broker()
            raise Empty from error


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Wait for a message, but not as long as Celery would: only between two waits does it see that it is to end.

        Raises socket.timeout when none has come.
        """
        super().drain_events(connection, timeout=LONGEST_WAIT if timeout is None else min(timeout, LONGEST_WAIT))
