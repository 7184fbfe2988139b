"""What a new run is asked to be, and everything that can be checked about it before there is a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runs.connectors import ApiSpec, SpecError
from runs.engine.bindings import looped_list
from runs.engine.description import described
from runs.engine.entries import parse_entries
from runs.engine.entry import Entry
from runs.errors import Failure, InvalidInput
from runs.models import Environment, ErrorHandling, IntegratedAccount, Integration, SyncJob, SyncJobRun, Webhook
from runs.models.run_state import DEFAULT_GROUP, RECORD_STORE
from runs.services.args_schema import args_failures, with_defaults
from runs.storable import storage_failures

MAX_GROUP = 100


@dataclass(frozen=True)
class RunRequest:
    """The wishes of a caller. What is not given takes the job's default, else the contract's.

    `resources` stand in for the job's. Neither webhook nor group: the default group, which writes to the record
    store. `force` lets a run start beside a live one of its kind.
    """

    job: SyncJob
    account: IntegratedAccount
    args: Mapping[str, Any] | None = None
    resources: list[Any] | None = None
    webhook_id: UUID | None = None
    daemon_group_key: str | None = None
    error_handling: str | None = None
    ignore_previous_run: bool = False
    version: int | None = None
    force: bool = False
    rerun_of: SyncJobRun | None = None

    @property
    def strategy(self) -> str:
        return ErrorHandling.IGNORE if self.error_handling is None else self.error_handling

    @property
    def runtime_version(self) -> int:
        given = self.job.default_runtime_version if self.version is None else self.version
        return 1 if given is None else given

    @property
    def group(self) -> str | None:
        return None if self.webhook_id else self.daemon_group_key or DEFAULT_GROUP

    @property
    def destination(self) -> str:
        return str(self.webhook_id) if self.webhook_id else RECORD_STORE


def checked(request: RunRequest) -> tuple[tuple[Entry, ...], dict[str, Any]]:
    """The run's entries, and its args with the schema's defaults. Raises InvalidInput with every fault."""
    failures = [*_target_failures(request), *mode_failures(request.job.environment, _modes(request))]
    entries: tuple[Entry, ...] = ()
    args: dict[str, Any] = {}
    try:
        entries = _entries(request)
    except InvalidInput as error:
        failures += error.failures
    given = {} if request.args is None else request.args
    if isinstance(given, Mapping):
        failures += storage_failures(given, "args")
        args = with_defaults(given, request.job.args_schema)
        failures += [*args_failures(args, request.job.args_schema), *_loop_failures(entries, args)]
    else:
        failures.append(Failure("args", "must be an object."))
    if failures:
        raise InvalidInput(failures)
    return entries, args


def spec_of(
    integration: Integration,
    path: str = "integration_name",
    *,
    account: IntegratedAccount | None = None,
    entries: Any = None,
) -> ApiSpec:
    """The parsed description of a stored integration, to the account if there is one; as far as the entries name it.

    Raises InvalidInput, at the path, if it is no longer valid.
    """
    try:
        return described(integration, account, entries)
    except SpecError as error:
        raise InvalidInput([Failure(path, f"names {integration.name}, which is not valid: {error}")]) from error


def _target_failures(request: RunRequest) -> Iterator[Failure]:
    job, account = request.job, request.account
    if job.environment_id != account.environment_id:
        yield Failure("integrated_account_id", "belongs to another environment than the job.")
    elif job.integration_id != account.integration_id:
        wanted, is_of = job.integration.name, account.integration.name
        yield Failure("integrated_account_id", f"is an account of {is_of}, but the job syncs {wanted}.")
    if job.deleted_at is not None:
        yield Failure("sync_job_id", "has been deleted.")
    if account.deleted_at is not None:
        yield Failure("integrated_account_id", "has been deleted.")
    if job.integration.deleted_at is not None:
        yield Failure("sync_job_id", f"syncs the integration {job.integration.name}, which has been deleted.")


def _modes(request: RunRequest) -> dict[str, Any]:
    return {
        "webhook_id": request.webhook_id,
        "daemon_group_key": request.daemon_group_key,
        "error_handling": request.strategy,
        "version": request.runtime_version,
    }


def mode_failures(environment: Environment, wishes: Mapping[str, Any]) -> Iterator[Failure]:
    """What is wrong with how the run is to be executed, of which none has to be given, whatever its job and account."""
    group = wishes.get("daemon_group_key")
    if wishes.get("webhook_id") is not None:
        if group is not None:
            yield Failure("webhook_id", "and daemon_group_key exclude each other: give one of them.")
        yield from _webhook_failures(environment, wishes["webhook_id"])
    if group is not None and not (0 < len(group) <= MAX_GROUP and group.replace("-", "").replace("_", "").isalnum()):
        yield Failure("daemon_group_key", f"must be 1 to {MAX_GROUP} letters, digits, hyphens or underscores.")
    strategy, version = wishes.get("error_handling"), wishes.get("version")
    if strategy not in (None, *ErrorHandling.values):
        yield Failure("error_handling", f"must be one of {', '.join(ErrorHandling.values)}.")
    if version not in (None, 1, 2):
        yield Failure("version", "must be 1 or 2.")
    elif strategy == ErrorHandling.BATCH and version == 1:
        yield Failure("error_handling", "batch needs version 2.")


def _webhook_failures(environment: Environment, webhook_id: UUID) -> Iterator[Failure]:
    webhooks = Webhook.objects.live().filter(environment=environment, id=webhook_id)
    is_active = webhooks.values_list("is_active", flat=True).first()
    if is_active is None:
        yield Failure("webhook_id", "is not the id of a webhook of this environment.")
    elif not is_active:
        yield Failure("webhook_id", "is a webhook that is switched off.")


def _entries(request: RunRequest) -> tuple[Entry, ...]:
    entries = request.job.resources if request.resources is None else request.resources
    spec = spec_of(request.job.integration, path="sync_job_id", account=request.account, entries=entries)
    return parse_entries(entries, spec)


def _loop_failures(entries: tuple[Entry, ...], args: Mapping[str, Any]) -> Iterator[Failure]:
    for entry in entries:
        if entry.loop_on is not None and looped_list(entry.loop_on, args) is None:
            yield Failure(f"args.{entry.loop_on}", f"must be a list: resources.{entry.index} loops on it.")
