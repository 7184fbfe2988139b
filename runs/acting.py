"""On whose behalf the present code runs: set where a request or command comes in, read where it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Actor:
    """`name` is a username, a token's name or a command's user; empty for Syncdeck itself."""

    name: str = ""
    ip: str | None = None


_SYNCDECK = Actor()
_ACTING: ContextVar[Actor] = ContextVar("acting", default=_SYNCDECK)


def current_actor() -> Actor:
    return _ACTING.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """All that is done within is this actor's doing."""
    before = _ACTING.set(actor)
    try:
        yield
    finally:
        _ACTING.reset(before)


def name_actor(name: str) -> None:
    """Name the actor of the request that is being answered, once it is known: a token is read late."""
    _ACTING.set(replace(_ACTING.get(), name=name))
