"""A TCP proxy that can be told to misbehave: between an installation's processes and its database or broker."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.own_servers import port_of

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # with it, a close sends RST and drops what is on its way
WRITES_RECORDS = b"INSERT INTO runs_record"
COMMITS = b"COMMIT"


class _Pair:
    """One client's connection, and that to the server behind it."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = socket.create_connection(("127.0.0.1", proxy.target))
        self._has_written = False
        self._hides_answer = False

    def start(self) -> None:
        for work in (self._forward, self._backward):
            threading.Thread(target=work, daemon=True).start()

    def reset(self) -> None:
        for one in (self._client, self._server):
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _forward(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(CHUNK):
                self._proxy.flowing.wait()
                self._has_written = self._has_written or WRITES_RECORDS in data
                if self._has_written and COMMITS in data:
                    self._has_written = False
                    self._hides_answer = self._proxy.takes_a_commit()
                self._server.sendall(data)
        self.reset()

    def _backward(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(CHUNK):
                if self._hides_answer:  # the server has committed: this is what it says about that
                    self._proxy.hidden += 1
                    break
                self._proxy.flowing.wait()
                self._client.sendall(data)
        self.reset()


class Proxy:
    """`hidden`: answers to a COMMIT that were dropped."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.flowing = threading.Event()
        self.flowing.set()
        self.hidden = 0
        self._commits_to_hide = 0
        self._refuses = False
        self._lock = threading.Lock()
        self._pairs: list[_Pair] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def url(self, of: str) -> str:
        """The URL with this proxy in the server's place."""
        parts = urlsplit(of)
        who = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{who}@127.0.0.1:{self.port}" if who else f"127.0.0.1:{self.port}").geturl()

    def cut(self) -> None:
        """Reset every connection, and refuse new ones until `mend`."""
        self._refuses = True
        self.reset_all()

    def stall(self) -> None:
        """Let nothing through, in either direction, and say nothing of it, until `mend`."""
        self.flowing.clear()

    def mend(self) -> None:
        self._refuses = False
        self.flowing.set()

    def reset_all(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.reset()

    def hide_next_commit(self) -> None:
        """Of the next transaction that writes records: the server commits, and its answer never arrives."""
        self._commits_to_hide = 1

    def takes_a_commit(self) -> bool:
        with self._lock:
            taken, self._commits_to_hide = bool(self._commits_to_hide), 0
            return taken

    def close(self) -> None:
        self._listener.close()
        self.mend()
        self.reset_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._take(client)

    def _take(self, client: socket.socket) -> None:
        if self._refuses:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        try:
            pair = _Pair(self, client)
        except OSError:  # nothing listens behind it
            client.close()
            return
        with self._lock:
            self._pairs.append(pair)
        pair.start()


@contextmanager
def proxied(url: str) -> Iterator[Proxy]:
    """A proxy in front of the server at the URL, for as long as the block lasts."""
    proxy = Proxy(port_of(url))
    try:
        yield proxy
    finally:
        proxy.close()
