"""The rows everything else reads and writes. One module per noun; import the names from here."""

from runs.models.alert import AlertChannel, AlertKind, AlertMessage, AlertRule, AlertState, MessageStatus
from runs.models.audit import AuditEntry
from runs.models.bulk import BulkAction, BulkItem, BulkKind, BulkOutcome, BulkStatus
from runs.models.daemon import Daemon, DaemonStatus
from runs.models.environment import ApiToken, Environment, Role, Scope, User
from runs.models.error_group import ErrorGroup, ErrorSighting
from runs.models.freshness import WORST_FIRST, AccountDay, AccountFreshness, Ending, JobFreshness, ending_of
from runs.models.habit import RunHabit
from runs.models.history import EventKind, RecordError, RunEvent
from runs.models.idempotency import KeyedRequest
from runs.models.integration import (
    AccountStatus,
    AccountToken,
    AuthorizationRequest,
    IntegratedAccount,
    Integration,
    UnifiedMapping,
)
from runs.models.job import CronTrigger, SkipCode, SyncJob
from runs.models.record import Record
from runs.models.run import SyncJobRun
from runs.models.run_state import Action, ErrorHandling, RunMode, RunStatus, RunTrigger
from runs.models.step import FurtherRequest, RunStep, SeenRecord, StagedParent, StepStatus, steps_of
from runs.models.view import SavedView
from runs.models.warning import DataWarning, WarningCode
from runs.models.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent

__all__ = [
    "WORST_FIRST",
    "AccountDay",
    "AccountFreshness",
    "AccountStatus",
    "AccountToken",
    "Action",
    "AlertChannel",
    "AlertKind",
    "AlertMessage",
    "AlertRule",
    "AlertState",
    "ApiToken",
    "AuditEntry",
    "AuthorizationRequest",
    "BulkAction",
    "BulkItem",
    "BulkKind",
    "BulkOutcome",
    "BulkStatus",
    "CronTrigger",
    "Daemon",
    "DaemonStatus",
    "DataWarning",
    "Delivery",
    "DeliveryStatus",
    "Ending",
    "Environment",
    "ErrorGroup",
    "ErrorHandling",
    "ErrorSighting",
    "EventKind",
    "FurtherRequest",
    "IntegratedAccount",
    "Integration",
    "JobFreshness",
    "KeyedRequest",
    "MessageStatus",
    "Record",
    "RecordError",
    "Role",
    "RunEvent",
    "RunHabit",
    "RunMode",
    "RunStatus",
    "RunStep",
    "RunTrigger",
    "SavedView",
    "Scope",
    "SeenRecord",
    "SkipCode",
    "StagedParent",
    "StepStatus",
    "SyncJob",
    "SyncJobRun",
    "UnifiedMapping",
    "User",
    "WarningCode",
    "Webhook",
    "WebhookEvent",
    "ending_of",
    "steps_of",
]
