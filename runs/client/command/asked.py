"""What one call of the command has to work with: the API, the options, and where its words go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from rich.console import Console

from runs.client.deck import Syncdeck
from runs.client.errors import BadRequest
from runs.client.retries import Patience

HERE = "http://127.0.0.1:8000"
WIDE = 240  # columns where nobody watches: a table in a file or a pipe is not to be cut
LARGEST_TOKEN_FILE = 10_000  # bytes
HASTY, ENDURING = Patience(tries=3), Patience(tries=8)  # about a second for who waits, half a minute for who follows


@dataclass(frozen=True)
class Asked:
    deck: Syncdeck
    options: argparse.Namespace

    @property
    def as_json(self) -> bool:
        return bool(self.options.as_json)

    @cached_property
    def console(self) -> Console:
        return Console() if sys.stdout.isatty() else Console(width=WIDE)

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def write(self, value: Any) -> None:
        """The value as one line of JSON."""
        print(json.dumps(as_builtins(value), ensure_ascii=False, separators=(",", ":")), flush=True)

    def write_each(self, values: Iterable[Any]) -> None:
        for value in values:
            self.write(value)

    def page_of_run(self, run_id: UUID) -> str:
        return f"{self.deck.base_url}/runs/{run_id}/"


def opened(options: argparse.Namespace) -> Syncdeck:
    """Raises BadRequest where address or token are missing or none."""
    url = options.url or os.environ.get("SYNCDECK_URL") or HERE
    stays = options.verb == "tail" or getattr(options, "tail", False)
    return Syncdeck(url, _token(options.token_file), patience=ENDURING if stays else HASTY)


def _token(file: str | None) -> str:
    if file is None:
        token = os.environ.get("SYNCDECK_TOKEN", "")
        if not token.strip():
            raise BadRequest("There is no token: set SYNCDECK_TOKEN, or name a file that holds it with --token-file.")
        return token
    try:
        with Path(file).open("rb") as stream:
            return stream.read(LARGEST_TOKEN_FILE).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadRequest(f"The file of the token, {file}, can't be read: {reason}.") from error


def as_builtins(value: Any) -> Any:
    """An object of the client as the API writes it."""
    match value:
        case msgspec.Struct():
            return {name: as_builtins(getattr(value, name)) for name in value.__struct_fields__}
        case dict():
            return {name: as_builtins(one) for name, one in value.items()}
        case list() | tuple():
            return [as_builtins(one) for one in value]
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case UUID():
            return str(value)
    return value
