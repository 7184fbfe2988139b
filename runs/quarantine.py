"""Records that were kept aside, since they can't be stored: what filters their list has, and what is on its pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import QueryDict

from runs.database import bounded_read
from runs.filters import NOT_LISTED, PAGE_MS
from runs.keyset import Page, page_or_first
from runs.lookups import parse_text, parse_uuid
from runs.models import Environment, RecordError
from runs.parameters import changed_query, read_parameters

LIMIT = 50
GIST = 240  # characters of a message that a line shows; the line of the run's log has the whole
COLUMNS = {"run": "run", "account": "run__integrated_account", "job": "run__sync_job"}
_PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(COLUMNS, parse_uuid),
    "resource": parse_text,
    "code": parse_text,
    "record_id": parse_text,
}


@dataclass(frozen=True)
class QuarantineFilter:
    """What the address of the list asks for, within the environments that its reader may see.

    A value that cannot be read is told in `errors` and filters nothing.
    """

    params: QueryDict
    environments: QuerySet[Environment]
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_params(cls, params: QueryDict, environments: QuerySet[Environment]) -> QuarantineFilter:
        """Read `run`, `account`, `job`, `resource`, `code` and `record_id`, all of them exact."""
        return cls(params, environments, *read_parameters(params, _PARSERS))

    def queryset(self) -> QuerySet[RecordError]:
        """The records, in no order."""
        wanted = {COLUMNS.get(name, name): value for name, value in self.values.items()}
        seen = list(self.environments.values_list("id", flat=True))
        return kept_aside().filter(**wanted, run__environment__in=seen)

    def page(self, cursor: str | None) -> Page[RecordError]:
        """The page at `cursor`, newest first, each with its `gist`; a bad one gives the first page and an error.

        Nothing is counted. Raises ReadTimedOut where few of very many match.
        """
        named = self.queryset().select_related("run__sync_job", "run__integrated_account__integration")
        rows = named.annotate(gist=Left("message", GIST + 1))
        hidden = ["message", "url", "excerpt", *(f"run__{path}" for path in NOT_LISTED)]
        with bounded_read(PAGE_MS):
            return page_or_first(rows.defer(*hidden), cursor, LIMIT, self.errors)

    def query_string(self, **changes: str | None) -> str:
        """The address's query with these parameters changed, None removes one; the cursor is of the former list."""
        return changed_query(self.params, {"cursor": None, **changes})


def kept_aside() -> QuerySet[RecordError]:
    return RecordError.objects.filter(is_quarantine=True)


def has_kept_aside(run_id: UUID) -> bool:
    return kept_aside().filter(run=run_id).order_by().exists()
