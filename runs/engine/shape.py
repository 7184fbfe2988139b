"""Whether the records of a run that completed look as they usually do, entry by entry.

Runs are compared that are alike: an entry's samples go by its incremental key, so other arguments, another
destination or a changed definition begin anew instead of giving false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any
from uuid import UUID

from runs.habits import LEAST_SAMPLES, low
from runs.models import DataWarning, RunStep, StepStatus, WarningCode

FALL_SHARE = 0.2  # of the usual
RARE_SHARE = 0.1  # what one run in ten has is no cause for alarm
MOST_WARNINGS = 20
MOST_ENTRIES = 200  # whose records a sample holds
LONGEST_REASON = 200  # characters

Sample = dict[str, Any]
_GRAVEST_FIRST = WarningCode.values


def sample_of(steps: Iterable[RunStep], warnings: Sequence[DataWarning], **totals: Any) -> Sample:
    """What is kept of a run: its totals, per entry what it fetched, and which entries were out of the usual."""
    steps = list(steps)[:MOST_ENTRIES]
    odd = {warning.name for warning in warnings if warning.code != WarningCode.UNPERSISTED}
    return {
        **totals,
        "entries": {entry_key(step): step.fetched for step in steps},
        "odd": [entry_key(step) for step in steps if step.name in odd],
    }


def entry_key(step: RunStep) -> str:
    """What an entry is known by in samples."""
    return step.incremental_key[:12]


def usual_fetched(step: RunStep, samples: Sequence[Sample]) -> int | None:
    """How many records the entry usually fetches; None while there are too few samples."""
    counts = _counts(step, samples)
    return int(median(counts)) if len(counts) >= LEAST_SAMPLES else None


def failed_steps(steps: Iterable[RunStep]) -> list[RunStep]:
    """Those that brought nothing because what they asked was refused: not those that lost a record or one request."""
    return [step for step in steps if step.status == StepStatus.FAILED]


def data_warnings(
    steps: Sequence[RunStep], samples: Sequence[Sample], reasons: Mapping[UUID, str] | None = None
) -> list[DataWarning]:
    """What looks wrong, the gravest first. An entry is not told of where the one that it depends on has nothing.

    `reasons`: of failed steps, by their id, what they met first.
    """
    failed = {step.pk for step in failed_steps(steps)}
    empty: set[UUID] = set(failed)
    found = [_failed(step, reasons or {}) for step in steps if step.pk in failed]
    for step in steps:
        warning = None if step.pk in failed else _too_few(step, samples)
        if warning is not None and warning.code == WarningCode.ZERO:
            empty.add(step.pk)
        if warning is not None and step.parent_id not in empty:
            found.append(warning)
        if step.persists and step.persisted < step.fetched and step.error_count:
            found.append(DataWarning(WarningCode.UNPERSISTED.value, step.name, step.persisted, step.fetched))
    return sorted(found, key=lambda warning: _GRAVEST_FIRST.index(warning.code))[:MOST_WARNINGS]


def _failed(step: RunStep, reasons: Mapping[UUID, str]) -> DataWarning:
    """Its reason is within brackets, on one line."""
    reason = " ".join(reasons.get(step.pk, "").split()).rstrip(".")
    cut = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
    return DataWarning(WarningCode.FAILED.value, step.name, step.fetched, 0, cut)


def _too_few(step: RunStep, samples: Sequence[Sample]) -> DataWarning | None:
    usual = usual_fetched(step, samples)
    if not usual or step.fetched >= FALL_SHARE * usual or _is_common(step, samples):
        return None
    code = WarningCode.FALL if step.fetched else WarningCode.ZERO
    return DataWarning(code.value, step.name, step.fetched, usual)


def _is_common(step: RunStep, samples: Sequence[Sample]) -> bool:
    """Whether so few have come before without being out of the usual: at night, on Sundays.

    What was warned of does not make it common. It moves the median, so that a change that lasts becomes the usual.
    """
    normal = [sample for sample in samples if entry_key(step) not in sample["odd"]]
    counts = _counts(step, normal)
    return bool(counts) and step.fetched >= low(counts, RARE_SHARE)


def _counts(step: RunStep, samples: Sequence[Sample]) -> list[int]:
    key = entry_key(step)
    return [sample["entries"][key] for sample in samples if key in sample["entries"]]
