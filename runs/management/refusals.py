"""How a command says no: one line per fault, no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from runs.errors import InvalidInput, NotAllowed


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn what the services refuse into a CommandError that lists every fault."""
    try:
        yield
    except InvalidInput as error:
        raise CommandError("\n".join(f"{fault.path}: {fault.message}" for fault in error.failures)) from error
    except NotAllowed as error:
        raise CommandError(str(error)) from error
