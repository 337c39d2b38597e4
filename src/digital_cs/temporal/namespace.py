"""The namespace on a Temporal server: whether it is there, what it lacks, and who works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from digital_cs.errors import UnavailableError
from digital_cs.messages.search_attributes import DECLARED

PATIENCE = timedelta(seconds=10)
SILENT = timedelta(minutes=2)
"""A worker asks a queue for work at least once a minute; one that did not for so long is gone."""

# One whose places are all taken asks for no more activities, but for workflows.
_KINDS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
_TYPES = {"Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}


@dataclass(frozen=True, slots=True)
class NamespaceState:
    """What was found. `missing` are search attributes to add, `wrong` those of another type,
    `workers` those that asked the engine's queue for work lately."""

    server_version: str
    found: bool
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    workers: int = 0


async def inspect(client: Client, task_queue: str) -> NamespaceState:
    """Ask the server about the client's namespace. Raises UnavailableError."""
    service = client.workflow_service
    try:
        system = await service.get_system_info(GetSystemInfoRequest(), timeout=PATIENCE)
        try:
            await service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace), timeout=PATIENCE
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return NamespaceState(system.server_version, found=False)
            raise
        missing, wrong = await _attributes(client)
        workers = await workers_seen(client, task_queue)
    except RPCError as error:
        raise _unavailable(error) from error
    return NamespaceState(system.server_version, True, missing, wrong, workers)


async def workers_seen(client: Client, task_queue: str) -> int:
    """How many workers asked this queue for work lately. Raises RPCError.

    The server remembers those that died for five minutes.
    """
    oldest = datetime.now(UTC) - SILENT
    seen: set[str] = set()
    for kind in _KINDS:
        queue = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=task_queue),
                task_queue_type=kind,
            ),
            timeout=PATIENCE,
        )  # fmt: skip
        seen |= {
            each.identity
            for each in queue.pollers
            if each.last_access_time.ToDatetime(UTC) > oldest
        }
    return len(seen)


async def add_search_attributes(client: Client) -> tuple[str, ...]:
    """Register those that the namespace lacks; returns their names. Raises UnavailableError."""
    try:
        missing, _ = await _attributes(client)
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=client.namespace,
                    search_attributes={name: _TYPES[DECLARED[name]] for name in missing},
                ),
                timeout=PATIENCE,
            )
    except RPCError as error:
        raise _unavailable(error) from error
    return missing


async def _attributes(client: Client) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(missing, registered with another type)."""
    found = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=PATIENCE
    )
    known = dict(found.custom_attributes)
    missing = tuple(name for name in sorted(DECLARED) if name not in known)
    wrong = tuple(
        name for name in sorted(DECLARED) if name in known and known[name] != _TYPES[DECLARED[name]]
    )
    return missing, wrong


def _unavailable(error: RPCError) -> UnavailableError:
    return UnavailableError(
        f"Temporal refused to answer ({error.status.name.lower()}): {error.message}."
        " Check TEMPORAL_NAMESPACE and the rights of its key."
    )
