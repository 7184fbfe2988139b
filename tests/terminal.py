"""A command before a person: in a terminal of its own, of a given size, whose output is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.processes import PROJECT, wait_until

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A process at work in a terminal."""

    popen: subprocess.Popen[bytes]
    _output: list[bytes] = field(default_factory=list)

    def raw(self) -> str:
        """All that it has written, with what moves the cursor and colours."""
        return b"".join(self._output).decode(errors="replace")

    def text(self) -> str:
        return CONTROLS.sub("", self.raw())

    def widest(self) -> int:
        """Characters of the longest line of any picture that it has drawn."""
        lines = re.split(r"\r?\n|\r|\x1b\[\d*A", self.raw())
        return max(len(CONTROLS.sub("", line)) for line in lines)

    def shows(self, pattern: str, limit: float = 30.0) -> None:
        """Wait until what is written has this; fails at once if the command ends before."""

        def found() -> bool:
            return re.search(pattern, self.text()) is not None

        wait_until(lambda: found() or self.popen.poll() is not None, limit, f"{pattern} on the terminal")
        assert found(), self.text()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.popen.send_signal(signal.SIGINT)

    def wait(self, limit: float = 30.0) -> int:
        return self.popen.wait(limit)


@contextmanager
def in_terminal(
    command: list[str], environment: Mapping[str, str], *, columns: int = 80, rows: int = 24
) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    popen = subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**known, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    terminal = Terminal(popen)
    reader = threading.Thread(target=_keep, args=[ours, terminal], daemon=True)
    reader.start()
    try:
        yield terminal
        reader.join(10)
    finally:
        if popen.poll() is None:
            popen.kill()
            popen.wait()
        reader.join(10)
        os.close(ours)


def _keep(ours: int, terminal: Terminal) -> None:
    """Until nobody has the terminal open any more, which Linux tells as an error."""
    while True:
        try:
            data = os.read(ours, 65_536)
        except OSError:
            return
        if not data:
            return
        terminal._output.append(data)
