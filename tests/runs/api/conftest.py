"""Programs with a token, as every client of the API has one."""

from __future__ import annotations

import pytest

from runs.models import Environment
from tests import factories
from tests.runs.api.program import Program


@pytest.fixture
def program(environment: Environment) -> Program:
    return Program(factories.token(environment))


@pytest.fixture
def stranger(db: None) -> Program:
    """A program with a token of another environment."""
    return Program(factories.token(factories.environment("Elsewhere")))
