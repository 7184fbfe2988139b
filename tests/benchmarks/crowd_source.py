"""A source with lists that never end and lists that are limited, for a while.

`python -m tests.benchmarks.crowd_source PORT SECONDS` serves `GET /slow`, `GET /limited` and `GET /quick` on the
loopback interface; who is limited is told to come back after so many seconds. It prints one line once it answers, and
from SIGUSR1 on no list is limited, and the slow ones are at their end. A process of its own: what it does is not to
hold up the one that measures.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import sys

import orjson

from tests.benchmarks.source import record

RECORDS = 10  # on a page
SLOWNESS = 0.2  # seconds for a page of a list that never ends


class CrowdSource:
    def __init__(self, retry_after: int) -> None:
        self._is_released = False
        self._numbers = itertools.count()
        dice = random.Random(7)
        self._records = [orjson.dumps(record(0, dice)).removeprefix(b'{"id":0') for _ in range(RECORDS)]
        self._end = _answer("200 OK", b'{"data":[]}')
        self._refusal = _answer("429 Too Many Requests", b"{}", f"Retry-After: {retry_after}\r\n")

    async def serve(self, port: int) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._release)
        server = await asyncio.start_server(self._converse, "127.0.0.1", port, backlog=512)
        print(f"Serving http://127.0.0.1:{port}", flush=True)
        await server.serve_forever()

    def _release(self) -> None:
        self._is_released = True

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
            return self._end if self._is_released else self._page()
        if path.startswith("/limited") and not self._is_released:
            return self._refusal
        return self._page() if "page=1&" in f"{path}&" else self._end

    def _page(self) -> bytes:
        """No page is like another: a list that repeats itself is an error."""
        records = (b'{"id":%d%b' % (next(self._numbers), rest) for rest in self._records)
        return _answer("200 OK", b'{"data":[%b]}' % b",".join(records))


def _answer(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    asyncio.run(CrowdSource(retry_after=int(sys.argv[2])).serve(int(sys.argv[1])))
