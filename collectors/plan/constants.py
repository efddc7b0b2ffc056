"""The numbers that planning rests on, each with its source. Nothing else in the package holds one."""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 1

DATASETS: Final = {"empty-join": "tandem_empty_join", "populated": "tandem_populated"}
"""Data sets and the database that holds each."""

DATABASE_PORT: Final = 5442
"""Port of the testbed's own PostgreSQL cluster; client sockets must stay off it as off the daemons' ports."""

UPSTREAM_PORT: Final = 8099
UPSTREAM: Final = f"http://127.0.0.1:{UPSTREAM_PORT}/"
"""The bench's slow page, on the server's own loopback: it answers after 100 ms."""

VENVS_DIR: Final = "/opt/tandem/venvs"
PACER: Final = "/opt/tandem/pacer.pyz"
WRK2: Final = "/opt/tandem/wrk2"
"""Where the operator's own wrk2 is copied to on the client."""
LOCALHOST: Final = "127.0.0.1"
LINK_ADDRESS_UNKNOWN: Final = "LINK_ADDRESS"
"""Stands for the server's address on the link in a plan that is only looked at."""

RUN_OVERHEAD_S: Final = 8.0
"""Beyond warm-up and load, per run: restart, contract check, counters, fetching. Measured on a lab of
two slow cores: 6 s with 4 workers, 11 with 16.
"""

PROFILE_SWITCH_S: Final = 3.0
"""Beyond that, where the run before had another profile: settings, and a restart of PostgreSQL. A goal too."""

DEADLINE_MARGIN_S: Final = 20
"""Grace of a load command beyond warm-up, duration and twice its timeout (opening connections, draining,
writing).
"""

CONTRACT_REQUESTS_MIN: Final = 50
"""Sequential requests of a contract check where nothing is pooled: at 10 ms for a new database session,
0.5 s.
"""

CONTRACT_REQUESTS_MAX: Final = 2000
"""Most requests of a contract check, so that it stays within seconds; a larger pool becomes a finding."""

CONTRACT_REQUESTS_PER_ANSWER: Final = 10
"""Where workers give a known number of good answers and then errors: so many requests for each good answer, since the
kernel chooses which worker is asked."""

WRK_THREADS: Final = 2
"""Threads of wrk, wrk2 and h2load where a round names none and its connections can be divided by it."""
WRK2_RATE_PER_CONNECTION: Final = 0.5
"""Below this rate wrk2 takes a connection that waits for its turn for a timeout: it looks every 2 s."""
WRK2_RECORDED_MIN_S: Final = 10
"""The least that must be left of a wrk2 run after its calibration."""
H2LOAD_LOG_MAX_S: Final = 60
"""Longest run of which h2load keeps a log of single requests: 25 bytes each, 15 MB at 10,000 a second."""
STREAMS_MAX: Final = 1000
MEMORY_DURATION_MIN_S: Final = 10
"""Shortest load of a round that measures memory: its second half must hold several samples of one second."""

# Linux, Documentation/networking/ip-sysctl.rst and include/net/tcp.h
PORT_RANGE_DEFAULT: Final = (32768, 60999)
TIME_WAIT_S: Final = 60
TW_REUSE_DELAY_S: Final = 1
"""With tcp_tw_reuse a waiting port may be taken again after one second."""
TW_REUSE_DEFAULT: Final = 2
"""Since Linux 4.19: 0 never, 1 everywhere, 2 on the loopback only."""
FILE_LIMIT_MAX: Final = 1_048_576
"""fs.nr_open's default: the most a limit can be set to."""

NOFILE_DEFAULT: Final = 1024
"""systemd's soft limit for a unit that names none."""
NOFILE_BESIDES: Final = 64
"""Descriptors of a generator that are not connections: output, epoll, timers, libraries. Generous."""

POSTGRESQL_CONNECTIONS_DEFAULT: Final = 100
POSTGRESQL_RESERVED: Final = 3
"""superuser_reserved_connections: sessions that max_connections counts but the daemons cannot have."""

LINK_MBIT: Final = 1000
LINK_PAYLOAD_SHARE: Final = 0.9415
"""TCP payload's share of an Ethernet's bit rate at MTU 1500 with timestamps: 941.5 Mb/s of 1000."""
LINK_BUSY_SHARE: Final = 0.9
"""A run that uses more of the link than this is network-bound."""
LINK_ROUND_TRIP_S: Final = 0.001
"""The longest round trip (p99) that the link gate lets pass."""

SAMPLES_FOR: Final = {"p50": 20, "p90": 100, "p99": 1_000, "p99.9": 10_000}
"""Samples that a percentile needs: 10 / (1 - p)."""

LONG_CAMPAIGN_S: Final = 8 * 3600
"""A campaign longer than this is pointed out: it will not end within a working day."""

AT_MOST_BLOCKS: Final = 30
"""Where a campaign goes on until an interval is narrow, and names no limit."""
LOOKS_MOST: Final = 5
"""Looks of such a campaign: each costs level (five: intervals of 99 %, by normal theory 1.7 times the blocks of 95 %),
and with fewer a campaign overshoots (five from 8 to 30 blocks: by a half at most)."""

# Ranges of what a campaign may ask; beyond them lies a slip of the keyboard.
WORKERS_MAX: Final = 1024
BLOCKS_MAX: Final = 1000
CONNECTIONS_MAX: Final = 65_535
RATE_MAX: Final = 1_000_000
DURATION_MAX_S: Final = 24 * 3600
TIMEOUT_MAX_S: Final = 3600
SEED_MAX: Final = 2**63 - 1
RUNS_MAX: Final = 100_000
