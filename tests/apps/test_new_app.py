"""The folder that `tandem new-app` makes is a daemon that keeps its contract, before anyone has changed it."""

from __future__ import annotations

from pathlib import Path

from collectors.plan.constants import DATASETS
from tests.apps.daemons import running
from tests.apps.folders import new_app, service_of
from tests.apps.postgres import Postgres, free_port
from tests.apps.together import assert_kept


def test_a_new_app_works_as_it_is(tmp_path: Path, database: Postgres) -> None:
    folder = new_app(tmp_path)
    service, environment = service_of(folder), database.environment(DATASETS["empty-join"])
    with running(service, free_port(), environment, apps=folder.parent) as daemon:
        for dataset in DATASETS:
            assert_kept(service, daemon, "index", dataset, database.sessions)
        assert daemon.stop() == 0, daemon.output()
        assert "Traceback" not in daemon.output()
