"""Check several services at a time: a daemon that starts leaves a core idle for others to use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from tandem_conduct import hold

from collectors.plan.constants import DATASETS
from collectors.plan.contract import read_contract
from collectors.plan.model import Service
from collectors.plan.runs import contract_requests, full_contract
from tests.apps.daemons import APPS, WORKERS, Daemon, running
from tests.apps.environments import remove_unused
from tests.apps.postgres import Postgres, free_port, slot_account

AT_ONCE = 3
START_S = 90
CONTRACT = read_contract(APPS)
COMPLAINTS = re.compile(r"(?i).*(?:traceback|error|warning|GET /).*")
AS_ROOT = re.compile(r"(?i).*\broot\b.*")
"""The tests may run as root, and a server may complain of that."""


class Checks:
    """The checks of services, begun in their order when this is entered."""

    def __init__(self, wanted: Iterable[Service], database: Postgres, upstream: str) -> None:
        self.wanted, self.database, self.upstream = list(wanted), database, upstream
        self.pool = ThreadPoolExecutor(AT_ONCE)
        self.slots: SimpleQueue[int] = SimpleQueue()
        self.found: dict[str, Future[None]] = {}

    def __enter__(self) -> Self:
        """Begin."""
        remove_unused()
        for slot in range(AT_ONCE):
            self.slots.put(slot)
        for service in self.wanted:
            self.found[service.id] = self.pool.submit(self._check, service)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the checks that have not begun."""
        self.pool.shutdown(cancel_futures=True)

    def result(self, service: Service) -> None:
        """Wait for the check of a service; raises what it raised."""
        self.found[service.id].result()

    def _check(self, service: Service) -> None:
        with self._slot() as account:
            keeps_its_contract(service, self.database, self.upstream, account)

    @contextmanager
    def _slot(self) -> Iterator[str]:
        slot = self.slots.get()
        try:
            yield slot_account(slot)
        finally:
            self.slots.put(slot)


def checked(
    service: Service, daemon: Daemon, endpoint: str, dataset: str, sessions: Callable[[], int] = lambda: 0
) -> dict[str, Any]:
    """What the bench's own check finds of one endpoint; `sessions` counts the daemon's database sessions."""
    contract = full_contract(service, CONTRACT[endpoint], dataset, WORKERS)
    return hold(contract, ("127.0.0.1", daemon.port), START_S, alive=daemon.alive, processes=daemon.processes,
                sessions=sessions)


def datasets_of(service: Service) -> list[str]:
    """The data sets on which something about the service's replies differs; one where nothing does."""
    first, *others = DATASETS
    differing = [
        other
        for other in others
        for name, offer in service.endpoints.items()
        if offer.body_bytes[first] != offer.body_bytes.get(other, offer.body_bytes[first])
    ]
    return [first, *dict.fromkeys(differing)]


def assert_kept(
    service: Service, daemon: Daemon, endpoint: str, dataset: str, sessions: Callable[[], int]
) -> None:
    """The endpoint answers as contract.yml and app.yml say."""
    found = checked(service, daemon, endpoint, dataset, sessions)
    assert found["failure"] is None, f"{found['failure']}\n{daemon.output()}"
    offer = service.endpoints[endpoint]
    answers = offer.answers_per_worker
    requests = contract_requests(service, endpoint, WORKERS) if answers is None else answers * WORKERS - 1
    assert found["requests"] == requests
    assert found["keep_alive"] == service.keep_alive, daemon.output()
    size = offer.body_bytes[dataset]
    least, most = size if isinstance(size, tuple) else (size, size)
    assert least <= found["body_bytes"] <= most < found["reply_bytes"]


def keeps_its_contract(service: Service, database: Postgres, upstream: str, account: str) -> None:
    """On each data set a daemon; the second starts while the first is asked."""
    with ExitStack() as stack:
        daemons = {
            dataset: stack.enter_context(
                running(service, free_port(), database.environment(DATASETS[dataset], account), upstream=upstream)
            )
            for dataset in datasets_of(service)
        }
        for dataset, daemon in daemons.items():
            for endpoint in service.endpoints:
                assert_kept(service, daemon, endpoint, dataset, partial(database.sessions, account, DATASETS[dataset]))
        for daemon in daemons.values():
            assert daemon.stop() == 0, daemon.output()
            complaints = [line for line in COMPLAINTS.findall(daemon.output()) if not AS_ROOT.fullmatch(line)]
            assert not complaints, daemon.output()
        assert database.sessions_after_closing(account) == 0
