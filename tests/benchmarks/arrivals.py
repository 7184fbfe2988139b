"""A source of one page, in a thread of the measuring process, which notes when it is asked."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from runs.addresses import any_free_port
from tests.benchmarks.source import record

RECORDS = 10  # on its page
LONGEST = 30.0  # seconds that anybody may take until it asks


class Arrivals:
    """Every GET is answered with the same page at once. `url` is where it answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._came = threading.Event()
        self._first = 0.0
        dice = random.Random(7)
        body = orjson.dumps({"data": [record(number, dice) for number in range(RECORDS)]})
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body

    def expect(self) -> None:
        """Forget who has asked so far."""
        self._came.clear()

    def first(self) -> float:
        """When the first request came since then, in seconds of this machine's clock. Waits for it."""
        assert self._came.wait(LONGEST), "nobody has asked the source"
        return self._first

    def note(self) -> None:
        if not self._came.is_set():
            self._first = time.time()
            self._came.set()

    def serve(self) -> None:
        self._loop.run_until_complete(self._loop.create_server(lambda: _Answers(self), "127.0.0.1", self._port))
        self._loop.run_forever()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


class _Answers(asyncio.Protocol):
    """HTTP/1.1 as far as clients of a benchmark speak it: GETs, one after another, on kept connections."""

    transport: asyncio.Transport

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._arrivals.note()
        self._heard += data
        *whole, self._heard = self._heard.split(b"\r\n\r\n")
        for _ in whole:
            self.transport.write(self._arrivals.answer)


@contextmanager
def arrivals() -> Iterator[Arrivals]:
    found = Arrivals(any_free_port())
    thread = threading.Thread(target=found.serve, name="source")
    thread.start()
    try:
        yield found
    finally:
        found.end()
        thread.join()
