"""A source that speaks HTTP badly, or not at all: each path has its own way of going wrong."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from tests.runs.connectors.sources import response

Misconduct = Callable[[socket.socket], None]
MEGABYTE = b" " * 1_000_000


class HostileSource:
    """`answers`: per first word of the path the bytes of an answer, or what is done to the connection.

    A path that is not among them hangs for good. `requests` counts what was asked, by that word;
    `heads` keeps it.
    """

    def __init__(self, answers: Mapping[str, bytes | Misconduct]) -> None:
        self.requests: Counter[str] = Counter()
        self.heads: list[bytes] = []
        self.answers = dict(answers)
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._closing.set()
        self._listener.close()

    def drip(self, connection: socket.socket) -> None:
        """One byte each half second, for ever."""
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        while not self._closing.wait(0.5):
            connection.sendall(b" ")

    def endless_headers(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self._closing.wait(0.01):
            connection.sendall(b"X-More: and more\r\n")

    def hang(self, connection: socket.socket) -> None:
        self._closing.wait()

    def endless_body(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while not self._closing.is_set():
            connection.sendall(MEGABYTE)

    def answer_to(self, head: bytes) -> bytes | Misconduct:
        """What the request with this head is answered with."""
        return self.answers.get(_word(head), self.hang)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := connection.recv(65_536)):
                    return
                head += more
            self.requests[_word(head)] += 1
            self.heads.append(head)
            answer = self.answer_to(head)
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)


def _word(head: bytes) -> str:
    """The first one of the path."""
    return head.split(b" ", 2)[1].decode().strip("/").partition("?")[0].partition("/")[0]


def reset(connection: socket.socket) -> None:
    """In mid body."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"data": [{"id": 1}')
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def as_json(value: Any, *headers: str) -> bytes:
    return response(json.dumps(value).encode(), *headers)


def rows_of(*texts: str) -> bytes:
    """A page of these records, each as a text of JSON."""
    return response(f'{{"data": [{", ".join(texts)}]}}'.encode())


def gzip_bomb(megabytes: int) -> bytes:
    """An answer of a few kilobytes that unpacks to so many megabytes."""
    return response(gzip.compress(MEGABYTE * megabytes), "Content-Encoding: gzip")


def described(source: HostileSource, names: list[str], **method: Any) -> dict[str, Any]:
    """What the integration's description says: a resource of one page at each of the paths."""
    listed = {"method": "get", "response_path": "data", "pagination": None, **method}
    resources = {name: {"list": {**listed, "path": f"/{name}"}} for name in names}
    return {"base_url": source.url, "resources": resources}


def entries(names: list[str]) -> list[dict[str, Any]]:
    return [{"resource": name, "method": "list", "persist": True} for name in names]


@contextmanager
def hostile(answers: Mapping[str, bytes | Misconduct]) -> Iterator[HostileSource]:
    source = HostileSource(answers)
    try:
        yield source
    finally:
        source.close()
