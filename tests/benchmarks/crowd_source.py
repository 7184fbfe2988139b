"""A source in a thread of the measuring process, with lists that never end and lists that are limited, for a while."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from runs.addresses import any_free_port
from tests.benchmarks.source import record

RECORDS = 10  # on a page
SLOWNESS = 0.2  # seconds for a page of a list that never ends


class CrowdSource:
    """`GET /slow`, `GET /limited` and `GET /quick`; `url` is where they are. `limited`: how often it has refused."""

    def __init__(self, port: int, retry_after: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.limited = 0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._is_released = threading.Event()
        self._dice, self._numbers = random.Random(7), itertools.count()
        self._end = _answer("200 OK", b'{"data":[]}')
        self._refusal = _answer("429 Too Many Requests", b"{}", f"Retry-After: {retry_after}\r\n")

    def release(self) -> None:
        """From now on no list is limited, and the slow ones are at their end."""
        self._is_released.set()

    def serve(self) -> None:
        self._loop.run_until_complete(asyncio.start_server(self._converse, "127.0.0.1", self._port, backlog=512))
        self._loop.run_forever()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answered(head.split(b" ", 2)[1].decode()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answered(self, path: str) -> bytes:
        if path.startswith("/slow"):
            await asyncio.sleep(SLOWNESS)
            return self._end if self._is_released.is_set() else self._page()
        if path.startswith("/limited") and not self._is_released.is_set():
            self.limited += 1
            return self._refusal
        return self._page() if "page=1&" in f"{path}&" else self._end

    def _page(self) -> bytes:
        """No page is like another: a list that repeats itself is an error."""
        records = [record(next(self._numbers), self._dice) for _ in range(RECORDS)]
        return _answer("200 OK", orjson.dumps({"data": records}))


def _answer(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def crowd_source(retry_after: int) -> Iterator[CrowdSource]:
    found = CrowdSource(any_free_port(), retry_after)
    thread = threading.Thread(target=found.serve, name="source")
    thread.start()
    try:
        yield found
    finally:
        found.end()
        thread.join()
