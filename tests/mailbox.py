"""A mail server on a real socket: keeps what it takes, and refuses as told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from runs.addresses import any_free_port

TAKEN = "250 OK"


@dataclass
class Mailbox:
    """`answer` is said to each message that arrives: one that begins with 250 takes it."""

    answer: str = TAKEN
    port: int = field(default_factory=any_free_port)
    arrived: list[EmailMessage] = field(default_factory=list)
    refused: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.arrived.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        else:
            self.refused += 1
        return self.answer

    def subjects(self) -> list[str]:
        return [str(mail["subject"]) for mail in list(self.arrived)]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server on a free port, for as long as the block lasts."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
