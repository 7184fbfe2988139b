"""A paged API that is never what a benchmark waits for: records written beforehand, answers cut out of one text.

`python -m tests.benchmarks.source COUNT PORT` serves `GET /records?page=1&per_page=1000` on the loopback interface as
`{"data": [...], "next_page": 2}`, of which the last page has null, and `GET /records/17` as that record alone. Of the
parameters `latency` is how many milliseconds it waits before, and `of` how many of its records there are. It prints one
line once it answers.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

WORDS = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "zulu",
)  # fmt: skip


def record(number: int, dice: random.Random) -> dict[str, Any]:
    """Some 540 bytes of JSON, as a contact or an order has them."""

    def words(count: int) -> str:
        return " ".join(dice.choice(WORDS) for _ in range(count))

    def day(year: int) -> str:
        return f"{year}-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}T{dice.randrange(24):02d}:00:00Z"

    return {
        "id": number,
        "uuid": f"{dice.getrandbits(128):032x}",
        "name": words(3).title(),
        "email": f"user{number}@example.com",
        "status": dice.choice(("active", "paused", "closed")),
        "amount": dice.randrange(1, 10**7) / 100,
        "quantity": dice.randrange(1, 500),
        "vip": dice.random() < 0.1,
        "created_at": day(2024),
        "updated_at": day(2025),
        "address": {"street": words(2), "city": dice.choice(WORDS), "zip": f"{dice.randrange(10**5):05d}"},
        "tags": [dice.choice(WORDS) for _ in range(3)],
        "note": words(24) + ' "q" \\ é',
    }


class Records:
    """All of them as one text, and where each begins."""

    def __init__(self, count: int) -> None:
        dice = random.Random(7)
        written = [orjson.dumps(record(number, dice)) for number in range(1, count + 1)]
        self.count = count
        self._text = memoryview(b",".join(written) + b",")
        self._starts = [0]
        for one in written:
            self._starts.append(self._starts[-1] + len(one) + 1)

    def page(self, page: int, size: int, count: int) -> list[bytes | memoryview]:
        """The body of an answer, in parts, if there are so many records."""
        first = min((page - 1) * size, count)
        behind = min(first + size, count)
        following = b"%d" % (page + 1) if behind < count else b"null"
        return [b'{"data":[', self._between(first, behind), b'],"next_page":', following, b"}"]

    def one(self, number: int) -> memoryview:
        return self._between(number - 1, number)

    def _between(self, first: int, behind: int) -> memoryview:
        return self._text[self._starts[first] : max(self._starts[first], self._starts[behind] - 1)]


class Answers(asyncio.Protocol):
    """HTTP/1.1 as far as clients of a benchmark speak it: GETs, one after another, on kept connections."""

    transport: asyncio.Transport

    def __init__(self, records: Records) -> None:
        self._records = records
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (end := self._heard.find(b"\r\n\r\n")) >= 0:
            target = urlsplit(self._heard.split(b" ", 2)[1].decode())
            self._heard = self._heard[end + 4 :]
            asked = dict(parse_qsl(target.query))
            latency = float(asked.get("latency", 0)) / 1000
            asyncio.get_running_loop().call_later(latency, self._answer, target.path, asked)

    def _answer(self, path: str, asked: dict[str, str]) -> None:
        body = self._body(path.removeprefix("/records").strip("/"), asked)
        length = sum(len(part) for part in body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        self.transport.writelines([head.encode(), *body])

    def _body(self, number: str, asked: dict[str, str]) -> list[bytes | memoryview]:
        if number:
            return [self._records.one(int(number))]
        count = min(int(asked.get("of", self._records.count)), self._records.count)
        return self._records.page(int(asked.get("page", 1)), int(asked.get("per_page", 100)), count)


async def serve(count: int, port: int) -> None:
    records = Records(count)
    server = await asyncio.get_running_loop().create_server(lambda: Answers(records), "127.0.0.1", port)
    print(f"Serving {count:,} records.", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())  # any other waits for up to a millisecond longer
    loop.run_until_complete(serve(int(sys.argv[1]), int(sys.argv[2])))
