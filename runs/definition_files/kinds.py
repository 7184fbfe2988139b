"""What a file defines, in the order in which it is brought into an environment: nothing comes before what it names."""

from __future__ import annotations

from enum import StrEnum

FORMAT = 1  # what `syncdeck` says at the top of a file


class Kind(StrEnum):
    """A section of a file."""

    INTEGRATION = "integrations"
    MAPPING = "unified_mappings"
    JOB = "sync_jobs"
    WEBHOOK = "webhooks"
    SCHEDULE = "schedules"

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return _NOUNS[self]


_NOUNS = {
    Kind.INTEGRATION: "integration",
    Kind.MAPPING: "mapping",
    Kind.JOB: "job",
    Kind.WEBHOOK: "webhook",
    Kind.SCHEDULE: "schedule",
}
