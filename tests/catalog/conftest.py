"""One server for all providers of the suite: to end one takes half a second."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from pytest_httpserver import HTTPServer

from tests.catalog.provider import P

Play = Callable[[type[P]], P]


@pytest.fixture(scope="session")
def stage() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def play(stage: HTTPServer) -> Play[P]:
    """Puts a provider on the stage, in place of the one before."""

    def put(kind: type[P]) -> P:
        stage.clear()
        provider = kind(stage.url_for("/").rstrip("/"))
        stage.expect_request(re.compile(".*")).respond_with_handler(provider.answer)
        return provider

    return put
