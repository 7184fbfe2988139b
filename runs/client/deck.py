"""One Syncdeck, as a program sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx2

from runs.client import nouns, objects
from runs.client.retries import Patience
from runs.client.runs import Runs
from runs.client.wire import Wire

TIMEOUT = 60.0  # seconds, to connect and between two parts of an answer; a dry run takes up to 45


class Syncdeck:
    """The API at `base_url`, and the environment that `token` opens.

    Requests are tried again after 429, 502, 503, 504 and where there is no answer, as `patience` says; a POST carries
    an `Idempotency-Key` of its own, so that it is done once. `transport` and `pause` are for tests and odd networks.
    May be shared between threads; to be closed, or used with `with`.

    Raises BadRequest for an address or a token that is none.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: float = TIMEOUT,
        patience: Patience | None = None,
        transport: httpx2.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = Wire(
            base_url, token, timeout=timeout, patience=patience or Patience(), transport=transport, pause=pause
        )
        self.runs = Runs(self._wire)
        self.jobs = nouns.Jobs(self._wire)
        self.integrations = nouns.Integrations(self._wire)
        self.accounts = nouns.Accounts(self._wire)
        self.mappings = nouns.Mappings(self._wire)
        self.webhooks = nouns.Webhooks(self._wire)
        self.triggers = nouns.Triggers(self._wire)
        self.records = nouns.Records(self._wire)
        self.daemons = nouns.Daemons(self._wire)
        self.proxy = nouns.PassThrough(self._wire, "proxy")
        self.unified = nouns.PassThrough(self._wire, "unified")

    @property
    def base_url(self) -> str:
        return self._wire.base_url

    def ping(self) -> None:
        """Raises NoAnswer where no Syncdeck answers. It needs no token, so it does not try it."""
        self._wire.ask(objects.Ping, "GET", "ping")

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Syncdeck({self.base_url!r})"
