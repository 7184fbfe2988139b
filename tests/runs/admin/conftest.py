"""Who looks at the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from runs.models import User


@pytest.fixture
def office(client: Client, superuser: User) -> Client:
    """A superuser's browser."""
    client.force_login(superuser)
    return client
