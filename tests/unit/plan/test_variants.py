"""What variants may say: whose code, which front, which endpoints, and under which conditions they are called fair."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from collectors.errors import PlanError
from collectors.plan import Request, as_document, build_plan, expand_services
from collectors.plan.contract import read_contract
from collectors.plan.model import Service, Versions
from collectors.plan.runs import contract_of, contract_requests
from tests.unit.plan.support import edit, make_daemons
from tests.unit.plan.test_freeze import CREATED

SLIPS: list[dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("slips_variants.yml").read_text(encoding="utf-8")
)


def expanded(root: Path, *names: str) -> tuple[Service, ...]:
    return expand_services(make_daemons(root).apps_dir, names)


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip["name"])
def test_a_slip_leads_to_one_sentence(slip: dict[str, str], tmp_path: Path) -> None:
    project = make_daemons(tmp_path)
    borrower = (tmp_path / "apps/just/app.yml").read_text().replace("8010", "8011")
    (tmp_path / "apps/twin").mkdir()
    (tmp_path / "apps/twin/app.yml").write_text(borrower)
    edit(tmp_path, slip.get("file", "apps/just/app.yml"), slip["old"], slip["new"])
    with pytest.raises(PlanError) as caught:
        expand_services(project.apps_dir, [slip.get("app", "just")])
    assert str(caught.value) == slip["sentence"]


def test_an_app_may_run_another_s_code_with_packages_of_its_own(tmp_path: Path) -> None:
    just, pool = expanded(tmp_path, "just", "pool")
    assert (just.code, just.packages, just.python) == ("pool", ("uwsgi-core", "libfoo2.0"), "3.10-3.12")
    assert (just.conflicts, just.argv[0]) == (("oldpin",), "/opt/tandem/venvs/just/bin/threads")
    assert (pool.code, pool.packages, pool.python, pool.conflicts) == ("pool", (), None, ())


def test_conditions_follow_from_launcher_options_and_what_is_declared(tmp_path: Path) -> None:
    just, mapped, front = expanded(tmp_path, "just", "just:mapped", "just:front")
    declared = {"database": "pool", "tls": "false", "driver": "psycopg3", "json": "json"}
    assert just.conditions == {"keep_alive": "true", "backlog": "2048", **declared}
    assert mapped.conditions == {**just.conditions, "json": "ujson"}
    assert front.conditions["backlog"] == "128"
    assert (just.kind, just.why) == ("fair", "Everything is as with the others.")
    assert (mapped.kind, mapped.why) == ("plain", None)


def test_behind_nginx_a_daemon_listens_on_a_socket(tmp_path: Path) -> None:
    front, wire, just = expanded(tmp_path, "just:front", "just:wire", "just")
    assert front.argv[1] == "unix:/run/tandem-just-front/daemon.sock"
    assert wire.argv[1] == wire.socket == "/run/tandem-just-wire/daemon.sock"
    assert (front.protocol, wire.protocol) == ("http", "uwsgi")
    assert (front.front_unit, front.slice) == ("tandem-front-just-front.service", "tandem-just-front.slice")
    assert (wire.keep_alive, wire.conditions["keep_alive"]) == (True, "true"), "clients see nginx's"
    assert just.argv[1] == "${TANDEM_BIND}:${TANDEM_PORT}"
    assert (just.front, just.socket, just.front_unit, just.slice) == (None, None, None, None)


def test_a_variant_s_list_restricts_the_endpoints_and_a_mapping_overrides_them(tmp_path: Path) -> None:
    just, listed, mapped = expanded(tmp_path, "just", "just:listed", "just:mapped")
    assert list(just.endpoints) == ["page", "rows"]
    assert just.endpoints["rows"].body_bytes == {"empty-join": (90, 110)}
    assert listed.endpoints == {"page": just.endpoints["page"]}
    page = mapped.endpoints["page"]
    assert list(mapped.endpoints) == ["page"]
    assert page.body_bytes == just.endpoints["page"].body_bytes, "what is not overridden stays"
    assert (page.content_type, page.reply_bytes, page.answers_per_worker, page.pool_size) == (
        "text/html",
        {"empty-join": 178},
        30,
        7,
    )


def test_the_check_is_told_what_differs_from_the_contract_of_all(tmp_path: Path) -> None:
    just, mapped = expanded(tmp_path, "just", "just:mapped")
    page = read_contract(tmp_path / "apps")["page"]
    plain = contract_of(just, page, "empty-join", 4)
    head = {"method": "GET", "path": "/page", "status": 200, "content_type": "application/json"}
    assert plain == {**head, "json": {"equals": 1}}
    own = {"content_type": "text/html", "reply_bytes": 178, "answers": 120}
    assert contract_of(mapped, page, "empty-join", 4) == {**plain, **own}
    assert "reply_bytes" not in contract_of(mapped, page, "populated", 4)
    assert contract_requests(mapped, "page", 4) == 1200


def test_the_slow_page_is_there_for_those_that_ask_it(tmp_path: Path) -> None:
    just, listed = expanded(tmp_path, "just", "just:listed")
    assert (just.upstream, listed.upstream) == ("http://127.0.0.1:8099/", None)


def test_everything_is_in_the_frozen_plan(tmp_path: Path) -> None:
    project = make_daemons(tmp_path)
    edit(tmp_path, "campaigns/small.yml", "endpoints: [index, agents]", "endpoints: [index, agents, page, rows]")
    request = Request(campaign="small", apps="plain,just:front", link_address="10.99.10.1")
    plan = build_plan(project, request)
    document = as_document(plan, versions=Versions(tandem="1", commit=None, dirty=None), created=CREATED)
    plain, just = document["services"]
    assert plain["front"] is None
    assert just["front"] == {
        "program": "nginx",
        "protocol": "http",
        "socket": "/run/tandem-just-front/daemon.sock",
        "unit": "tandem-front-just-front.service",
        "slice": "tandem-just-front.slice",
    }
    assert (just["code"], just["launcher"], just["options"]) == ("pool", "threads", {"backlog": "128"})
    assert (just["kind"], just["why"]) == ("faithful", "It was published so.")
    assert just["upstream"] == "http://127.0.0.1:8099/"
    assert (just["packages"], just["python"]) == (["uwsgi-core", "libfoo2.0"], "3.10-3.12")
    assert just["conflicts"] == ["oldpin"]
    own = [run for run in document["runs"] if run["service"] == "just-front"]
    sizes = {run["endpoint"]: run["contract"]["body_bytes"] for run in own}
    assert sizes == {"page": 20, "rows": (90, 110)}
    assert plan.profile.kernel["net.ipv4.ip_local_reserved_ports"].value == "5442,8000,8010,8099"
