"""The arithmetic before a campaign, case by case, with its exact numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.plan import Request, build_plan
from collectors.plan.advice import TEXTS
from collectors.plan.model import Finding
from tests.unit.plan.support import make_project

BARE = "profile=bare"
FAST = ("rounds.open.rate_per_s=4000", "rounds.open.duration_s=60", "rounds.open.connections=64")


def findings(
    root: Path,
    *settings: str,
    kind: str,
    kernel: str = "{}",
    apps: str | None = "plain",
    link_mbit: float = 1000,
) -> list[Finding]:
    project = make_project(root)
    path = root / "profiles/bare.yml"
    path.write_text(path.read_text().replace("kernel: {}", f"kernel: {kernel}"))
    plan = build_plan(project, Request(campaign="small", apps=apps, settings=settings, link_mbit=link_mbit))
    return [finding for finding in plan.findings if finding.kind == kind]


def test_4000_new_connections_per_second_do_not_fit_the_default_ports(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, BARE, *FAST, kind="ports", apps="plain,pool")
    assert found == Finding(
        kind="ports",
        where="open: plain",
        value=4000,
        limit=470.5,
        fatal=False,
        advice="without keep-alive, 4000 req/s leave up to 240000 sockets in TIME_WAIT where there are 28232 "
        "client ports, which allow 470 new connections/s; set net.ipv4.tcp_tw_reuse to 1 (then 28232/s) or "
        "widen net.ipv4.ip_local_port_range in the profile bare",
    )


@pytest.mark.parametrize(
    ("settings", "kernel", "apps", "count"),
    [
        (FAST, "{}", "pool", 0),
        (FAST, "{net.ipv4.tcp_tw_reuse: 1}", "plain", 0),
        (FAST, "{net.ipv4.tcp_tw_reuse: 1, net.ipv4.tcp_timestamps: 0}", "plain", 2),
        (FAST, "{net.ipv4.ip_local_port_range: 1024 65535}", "plain", 1),
        (("rounds.open.rate_per_s=470", "rounds.open.duration_s=600"), "{}", "plain", 0),
        (("rounds.open.rate_per_s=471", "rounds.open.duration_s=600"), "{}", "plain", 1),
        (("rounds.open.rate_per_s=4000", "rounds.open.duration_s=5"), "{}", "plain", 0),
        (
            ("rounds.open.rate_per_s=60000", "rounds.open.duration_s=5"),
            "{net.ipv4.tcp_tw_reuse: 1}",
            "plain",
            1,
        ),
        (
            ("rounds.open.rate_per_s=4000", "rounds.open.duration_s=60", "rounds.open.path=localhost"),
            "{}",
            "plain",
            0,
        ),
        ((), "{net.ipv4.tcp_tw_reuse: 0}", "plain", 1),
    ],
    ids=[
        "keep-alive",
        "reuse",
        "reuse-needs-timestamps",
        "wider-but-not-enough",
        "just-below",
        "just-above",
        "too-short-to-run-out",
        "faster-than-reuse",
        "loopback-reuses-by-itself",
        "closed-loop-on-an-old-kernel",
    ],
)
def test_ports(settings: tuple[str, ...], kernel: str, apps: str, count: int, tmp_path: Path) -> None:
    assert len(findings(tmp_path, BARE, *settings, kind="ports", kernel=kernel, apps=apps)) == count


def test_more_connections_than_ports_cannot_be_measured(tmp_path: Path) -> None:
    kernel = "{net.ipv4.ip_local_port_range: 20000 20099}"
    (found,) = findings(tmp_path, BARE, "rounds.open.connections=101", kind="ports", kernel=kernel)
    assert (found.value, found.limit, found.fatal, found.where) == (101, 100, True, "open")


@pytest.mark.parametrize(
    ("connections", "profile", "limit"),
    [(960, "bare", None), (961, "bare", 1024), (16320, "full", None), (16321, "full", 16384)],
)
def test_open_files(connections: int, profile: str, limit: int | None, tmp_path: Path) -> None:
    found = findings(tmp_path, f"profile={profile}", f"rounds.open.connections={connections}", kind="nofile")
    assert [(finding.value, finding.limit, finding.fatal) for finding in found] == (
        [] if limit is None else [(connections + 64, limit, True)]
    )


def test_fatal_findings_come_first(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    plan = build_plan(
        project, Request(campaign="small", settings=[BARE, "rounds.open.connections=2000", "workers=500"])
    )
    assert [finding.fatal for finding in plan.findings] == sorted(
        (f.fatal for f in plan.findings), reverse=True
    )
    assert plan.findings[0].kind == "nofile"


@pytest.mark.parametrize(
    ("workers", "profile", "value"),
    [(3, "bare", None), (4, "bare", 120), (19, "full", None), (20, "full", 600)],
)
def test_database_sessions(workers: int, profile: str, value: int | None, tmp_path: Path) -> None:
    found = findings(tmp_path, f"profile={profile}", f"workers={workers}", kind="sessions", apps="pool")
    assert [finding.value for finding in found] == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("rate", "duration", "advice"),
    [
        (400, 25, None),
        (400, 24, "9600 request(s) in a run give no p99.9, p99.9 needs 10000; measure longer if it matters"),
        (
            10,
            30,
            "300 request(s) in a run give no p99 or p99.9, p99 needs 1000; measure longer if it matters",
        ),
        (
            0.5,
            2,
            (
                "1 request(s) in a run give no p50 or p90 or p99 or p99.9, p50 needs 20; "
                "measure longer if it matters"
            ),
        ),
    ],
)
def test_samples(rate: float, duration: float, advice: str | None, tmp_path: Path) -> None:
    settings = (f"rounds.open.rate_per_s={rate}", f"rounds.open.duration_s={duration}")
    assert [finding.advice for finding in findings(tmp_path, *settings, kind="samples")] == (
        [advice] if advice else []
    )


@pytest.mark.parametrize(
    ("rate", "connections", "apps", "limit"),
    [
        (4000, 8, "plain", None),
        (4001, 8, "plain", 500),
        (8000, 8, "pool", None),
        (8001, 8, "pool", 1000),
        (2, 7, "pool", 6),
    ],
    ids=["two-trips-fit", "two-trips-do-not", "one-trip-fits", "one-trip-does-not", "idle-connections"],
)
def test_rate_per_connection(
    rate: float, connections: int, apps: str, limit: float | None, tmp_path: Path
) -> None:
    settings = (f"rounds.open.rate_per_s={rate}", f"rounds.open.connections={connections}")
    found = findings(tmp_path, *settings, kind="rate-per-connection", apps=apps)
    assert [finding.limit for finding in found] == ([] if limit is None else [limit])


def test_bytes_against_the_link(tmp_path: Path) -> None:
    settings = ("rounds.open.rate_per_s=4000", "rounds.open.connections=64")
    assert findings(tmp_path, *settings, kind="link") == []
    (found,) = findings(tmp_path, *settings, kind="link", link_mbit=100)
    assert (found.where, found.value, found.limit) == ("open: plain /agents", 227.2, 84.7)
    assert (
        "bodies of 7100 bytes at 4000 req/s are 227 Mb/s without any header, above the 84 Mb/s"
        in found.advice
    )


def test_a_long_campaign_is_pointed_out(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, "rounds.open.duration_s=14400", "blocks=1", kind="duration")
    assert (found.where, found.limit, found.fatal) == ("small", 28800, False)
    assert found.advice.startswith("all runs take 8.0 hours")


def test_every_sentence_is_one_sentence() -> None:
    for text in TEXTS.values():
        assert not text.endswith(".")
        assert "\n" not in text
