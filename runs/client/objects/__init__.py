"""The API's objects, with exactly the fields of the wire. Fields that a newer Syncdeck adds are left out.

Kinds and states are plain texts, since a newer Syncdeck may know more of them.
"""

from __future__ import annotations

from runs.client.objects.base import Object, Ping, Success
from runs.client.objects.definitions import (
    Account,
    ConnectionFault,
    ConnectionTest,
    CronTrigger,
    EmbeddedJob,
    Integration,
    IntegrationName,
    Job,
    Mapping,
)
from runs.client.objects.dry_runs import DryEntry, DryFault, DryRun, PlannedRequest, RefusedRecord, Sample
from runs.client.objects.records import Record, RecordFault, SourcePage
from runs.client.objects.runs import (
    COMPLETED,
    CREATED,
    FAILED,
    FINAL,
    RUNNING,
    STOPPED,
    Daemon,
    Entry,
    Event,
    Run,
    RunError,
    RunFailure,
    RunWithJob,
)
from runs.client.objects.webhooks import Attempt, Delivery, DeliveryWithBody, Webhook, WebhookWithSecret

__all__ = [
    "COMPLETED",
    "CREATED",
    "FAILED",
    "FINAL",
    "RUNNING",
    "STOPPED",
    "Account",
    "Attempt",
    "ConnectionFault",
    "ConnectionTest",
    "CronTrigger",
    "Daemon",
    "Delivery",
    "DeliveryWithBody",
    "DryEntry",
    "DryFault",
    "DryRun",
    "EmbeddedJob",
    "Entry",
    "Event",
    "Integration",
    "IntegrationName",
    "Job",
    "Mapping",
    "Object",
    "Ping",
    "PlannedRequest",
    "Record",
    "RecordFault",
    "RefusedRecord",
    "Run",
    "RunError",
    "RunFailure",
    "RunWithJob",
    "Sample",
    "SourcePage",
    "Success",
    "Webhook",
    "WebhookWithSecret",
]
