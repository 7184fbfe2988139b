"""What looks wrong with the records of a run that completed: kept with the run, and said in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class WarningCode(models.TextChoices):
    """The gravest first. No longer than the column: a generated one goes by it, so PostgreSQL can't make it wider."""

    FAILED = "failed", _("Entries failed")
    ZERO = "zero", _("No records")
    FALL = "fall", _("Far fewer records")
    UNPERSISTED = "unpersisted", _("Records not persisted")


@dataclass(frozen=True)
class DataWarning:
    """One entry of a completed run. `count` is what it has, `usual` what was to be expected.

    That is the usual number of records fetched; of `unpersisted` the number that this run fetched. `reason`: of one
    that failed its first error, masked and cut.
    """

    code: str
    name: str
    count: int
    usual: int
    reason: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DataWarning:
        return cls(value["code"], value["name"], value["count"], value["usual"], value.get("reason", ""))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def sentence(self) -> str:
        """Such as "countries: nothing fetched instead of usually 252"."""
        match self.code:
            case WarningCode.FAILED:
                return f"{self.name}: failed ({self.reason})" if self.reason else f"{self.name}: failed"
            case WarningCode.ZERO:
                return f"{self.name}: nothing fetched instead of usually {self.usual:,}"
            case WarningCode.FALL:
                return f"{self.name}: {self.count:,} fetched instead of usually {self.usual:,}"
            case _:
                lost = self.usual - self.count
                return f"{self.name}: {lost:,} of {self.usual:,} fetched records not persisted"


def gravest(warnings: list[DataWarning]) -> str:
    """The code that stands for all of them; empty without any."""
    return next((code.value for code in WarningCode if any(one.code == code for one in warnings)), "")
