"""Installations to test against: always the embedded one, and one on PostgreSQL and Redis where they answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.acceptance.deck import (
    Deck,
    Prepared,
    Template,
    brought_up,
    embedded,
    on_servers,
    template_on_server,
)


@pytest.fixture
def deck(prepared: Prepared, tmp_path: Path) -> Iterator[Deck]:
    with embedded(prepared, tmp_path / "data") as installation:
        yield installation


@pytest.fixture
def whole_deck(prepared: Prepared, tmp_path: Path) -> Iterator[Deck]:
    """One that `manage.py up` has started."""
    with brought_up(prepared, tmp_path / "data") as installation:
        yield installation


@pytest.fixture(scope="session")
def template(prepared: Prepared) -> Iterator[Template]:
    if lacking := services.lacking():
        pytest.skip(f"No answer from {' and '.join(lacking)}")
    with template_on_server(prepared) as found:
        yield found


@pytest.fixture
def server_deck(prepared: Prepared, template: Template, tmp_path: Path) -> Iterator[Deck]:
    with on_servers(prepared, template, tmp_path / "data") as installation:
        yield installation


@pytest.fixture(params=["deck", "server_deck"], ids=["SQLite and files", "PostgreSQL and Redis"])
def any_deck(request: pytest.FixtureRequest) -> Deck:
    found: Deck = request.getfixturevalue(request.param)
    return found
