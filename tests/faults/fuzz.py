"""Pages that have been spoilt at random, by a seed: their bytes, their structure, and how they are sent.

Each request names a seed and a place, so that what was answered to it can be told again.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from tests.faults.hostile import HostileSource, Misconduct, gzip_bomb
from tests.runs.connectors.sources import response

UNSPOILT = 0.2  # of all pages
ON_THE_WAY = 0.03  # of all pages, each of which is asked for again after a wait
LARGE = 0.004
PATH = "pages"
ODD_STRINGS = (
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "=1+1",
    "x" * 5000,
    "{{args.seeds}}",
    "'; --",
    "\U0001d54f",
)
ODD_KEYS = ("", "__proto__", "id", "\0", "\ud800", "a.b", "data", "k" * 70_000, "$where")
ODD_NUMBERS = (2**63, -(2**64), 10**400, 1e308, -0.0, 5e-324, 0.1, 10**18 + 1)
RAW_NUMBERS = (b"1e400", b"-1e999", b"NaN", b"Infinity", b"9" * 5000, b"-" + b"0" * 400, b"01", b"1.", b".5", b"0x1")
ODD_BYTES = (b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\\ud800", b"\\u0000", b"}", b"[", b",")
CHARSETS = ("utf-16", "utf-32", "latin-1", "utf-7", "ascii", "hex", "zip", "undefined", "idna", "nothing", "\xff", "")
STATUSES = (
    "204 No Content", "206 Partial Content", "299 ", "304 Not Modified", "300 Multiple Choices", "302 Found",
    "307 Temporary Redirect", "400 Bad Request", "403 Forbidden", "404 Not Found", "410 Gone", "418 Teapot",
    "451 Unavailable", "499 Odd", "600 Odd", "999 Odd", "099 Odd", "1000 Odd", "abc", "", "200",
)  # fmt: skip
PASSING = ("500 Oh", "502 Bad Gateway", "503 Busy", "429 Too Many Requests")
LOCATIONS = ("", "/elsewhere", "//[::1", "http://169.254.169.254/", "file:///etc/passwd", "\xff\xfe", "/pages?seed=0")
ODD_HEADERS = (
    "Content-Encoding: br", "Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: zstd",
    "Content-Encoding: gzip, gzip", "Content-Encoding: \xff", "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip", "Content-Length: 3", "Content-Length: -1", "Content-Length: 99999999999999999999",
    "Content-Length: abc", "Link: <<<>>>; rel=next", "Date: yesterday", "Retry-After: -5", "X: " + "y" * 20_000,
    "No colon", ": nameless", "Set-Cookie: a=\x01", "Content-Type: ;;;", "Content-Range: bytes 5-1/0",
)  # fmt: skip

Spoil = Callable[[Random, bytes], bytes]


def page(seed: int, place: int, random: Random) -> dict[str, Any]:
    """A valid page; every third one has another behind it. No id turns into another one by a byte that is spoilt."""
    rows = [
        {
            "id": f"{seed}-{place}-{row}-{crc32(f'{seed} {place} {row}'.encode())}",
            "name": "Zürich",
            "of": {"tags": ["a", "b"], "size": row},
            "n": 1.5,
        }
        for row in range(random.randint(1, 8))
    ]
    return {"data": rows, "next": f"c{place + 1}" if place == 0 and seed % 3 == 0 else None}


class FuzzedPages(HostileSource):
    """`asked`: which pages were, each by its seed and cursor; `unspoilt`: the records that it served as they are."""

    def __init__(self, seed: int) -> None:
        super().__init__({})
        self._seed = seed
        self.asked: dict[tuple[int, str], int] = {}
        self.unspoilt: dict[str, dict[str, Any]] = {}

    def answer_to(self, head: bytes) -> bytes | Misconduct:
        address = urlsplit(head.split(b" ", 2)[1].decode())
        query = parse_qs(address.query, keep_blank_values=True)
        if address.path != f"/{PATH}" or "seed" not in query:
            return response(b"", status="404 Not Found")
        seed, cursor = int(query["seed"][0]), query.get("cursor", [""])[0]
        tries = self.asked[seed, cursor] = self.asked.get((seed, cursor), 0) + 1
        random = Random(f"{self._seed} {seed} {cursor} {tries}")
        body = page(seed, 1 if cursor else 0, random)
        if random.random() < UNSPOILT:
            self.unspoilt |= {row["id"]: row for row in body["data"]}
            return response(_bytes(body))
        return spoilt(random, body)


def spoilt(random: Random, body: dict[str, Any]) -> bytes | Misconduct:
    """The page with one thing wrong with it, or several."""
    chance = random.random()
    if chance < ON_THE_WAY:
        return random.choice(PASSING_WAYS)(random, _bytes(body))
    if chance < ON_THE_WAY + LARGE:
        return _large(body) if random.random() < 0.5 else _bomb()
    for _ in range(random.randint(0, 3)):
        random.choice(STRUCTURES)(random, body)
    text = _bytes(body)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        text = random.choice(BYTES)(random, text)
    return random.choice((_sent, _sent, _sent, _badly_sent, _with_status))(random, text)


def _bytes(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=True).encode()


def _sent(random: Random, text: bytes) -> bytes:
    return response(text)


def _badly_sent(random: Random, text: bytes) -> bytes:
    headers = [random.choice(ODD_HEADERS) for _ in range(random.randint(0, 2))]
    if random.random() < 0.2:
        headers.append(f"Content-Type: application/json; charset={random.choice(CHARSETS)}")
    if random.random() < 0.3:
        text, headers = gzip.compress(text), [*headers, "Content-Encoding: gzip"]
    lines = ["HTTP/1.1 200 OK", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + text


def _with_status(random: Random, text: bytes) -> bytes:
    status = random.choice(STATUSES)
    headers = [f"Location: {random.choice(LOCATIONS)}"] if status.startswith("30") else []
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *headers, "", ""]).encode("latin-1") + text


def _passing(random: Random, text: bytes) -> bytes:
    return response(text, "Retry-After: 0", status=random.choice(PASSING))


def _reset(random: Random, text: bytes) -> Misconduct:
    """Cut off by a reset, somewhere."""
    sent = response(text)[: random.randint(0, len(text))]

    def send(connection: socket.socket) -> None:
        connection.sendall(sent)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return send


def _ended_early(random: Random, text: bytes) -> bytes:
    return response(text)[: -random.randint(1, len(text))]


def _garbage(random: Random, text: bytes) -> bytes:
    return random.randbytes(random.randint(0, 300))


def _large(body: dict[str, Any]) -> bytes:
    """Five megabytes of records, of which the last is too large."""
    rows = [{"id": f"{body['data'][0]['id']}-{row}", "text": "x" * 1000} for row in range(3500)]
    return response(_bytes({**body, "data": [*rows, {"id": "large", "text": "y" * 1_500_000}]}))


@cache
def _bomb() -> bytes:
    return gzip_bomb(60)


def _parts(body: Any) -> list[tuple[Any, Any]]:
    """Every place in it: a container, and a key or an index."""
    found, waiting = [], [body]
    while waiting:
        part = waiting.pop()
        keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        found += [(part, key) for key in keys]
        waiting += [part[key] for key in keys]
    return found


def _replace(random: Random, body: dict[str, Any]) -> None:
    if places := _parts(body):
        part, key = random.choice(places)
        part[key] = _odd(random)


def _remove(random: Random, body: dict[str, Any]) -> None:
    if places := _parts(body):
        part, key = random.choice(places)
        del part[key]


def _double(random: Random, body: dict[str, Any]) -> None:
    lists = [part[key] for part, key in _parts(body) if isinstance(part[key], list)]
    if lists:
        doubled = random.choice(lists)
        doubled.extend(doubled[:50])


def _add_key(random: Random, body: dict[str, Any]) -> None:
    objects = [body, *(part[key] for part, key in _parts(body) if isinstance(part[key], dict))]
    random.choice(objects)[random.choice(ODD_KEYS)] = _odd(random)


def _add_many_keys(random: Random, body: dict[str, Any]) -> None:
    body[random.choice(("data", "more"))] = {f"k{number}": number for number in range(random.choice((10, 5000)))}


def _nest(random: Random, body: dict[str, Any]) -> None:
    """As deep as Python writes it: what is deeper is made of bytes."""
    if places := _parts(body):
        part, key = random.choice(places)
        for _ in range(random.choice((5, 90, 110, 200))):
            part[key] = [part[key]] if random.random() < 0.5 else {"deep": part[key]}


def _bad_cursor(random: Random, body: dict[str, Any]) -> None:
    body["next"] = random.choice(("c0", "c1", "\0", "\ud800", "x" * 70_000, 7, -1, True, [], {"a": 1}, 1.5, "&seed=1#"))


def _bad_id(random: Random, body: dict[str, Any]) -> None:
    if isinstance(body.get("data"), list):
        for row in body["data"]:
            if isinstance(row, dict) and random.random() < 0.5:
                row["id"] = _odd(random)


def _odd(random: Random) -> Any:
    odd = (None, True, False, [], {}, [[]], [None], {"": None}, *ODD_NUMBERS, *ODD_STRINGS)
    return random.choice(odd)


def _cut(random: Random, text: bytes) -> bytes:
    return text[: random.randint(0, len(text))]


def _flip(random: Random, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(random.randint(1, 8) if changed else 0):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _insert(random: Random, text: bytes) -> bytes:
    at = random.randint(0, len(text))
    odd = (
        random.randbytes(4),
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\\ud800",
        b"\\u0000",
        b"}",
        b"[",
        b",",
    )
    return text[:at] + random.choice(odd) + text[at:]


def _take_out(random: Random, text: bytes) -> bytes:
    at = random.randint(0, len(text))
    return text[:at] + text[at + random.randint(1, 40) :]


def _twice(random: Random, text: bytes) -> bytes:
    return text + random.choice((b"", b"\n", b",")) + text


def _raw_number(random: Random, text: bytes) -> bytes:
    return text.replace(b"1.5", random.choice(RAW_NUMBERS), random.randint(1, 8))


def _recode(random: Random, text: bytes) -> bytes:
    try:
        return text.decode().encode(random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037")))
    except UnicodeError:  # it is spoilt already
        return text


def _deep(random: Random, text: bytes) -> bytes:
    depth = random.choice((300, 1200, 20_000, 100_000))
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    closed = opening * depth + b"1" + closing * (depth if random.random() < 0.7 else 0)
    return text.replace(b"1.5", closed, 1) if random.random() < 0.7 else closed


STRUCTURES = (
    _replace, _replace, _remove, _double, _add_key, _add_many_keys, _nest, _bad_cursor, _bad_id,
)  # fmt: skip
BYTES: tuple[Spoil, ...] = (_cut, _flip, _insert, _insert, _take_out, _twice, _raw_number, _raw_number, _recode, _deep)
PASSING_WAYS: tuple[Callable[[Random, bytes], Any], ...] = (_passing, _reset, _ended_early, _garbage)
