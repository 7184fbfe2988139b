"""Installations to test against: always the embedded one, and one on PostgreSQL and Redis where they answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.acceptance.deck import Deck, embedded, on_servers


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    with embedded(tmp_path) as installation:
        yield installation


@pytest.fixture(params=["SQLite and files", "PostgreSQL and Redis"])
def any_deck(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deck]:
    if request.param == "SQLite and files":
        installation = embedded(tmp_path)
    elif lacking := services.lacking():
        pytest.skip(f"No answer from {' and '.join(lacking)}")
    else:
        installation = on_servers(tmp_path)
    with installation as deck:
        yield deck
