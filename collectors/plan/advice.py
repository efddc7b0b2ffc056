"""The sentences of the feasibility findings, one per case; {names} are filled in by the check that finds
it.
"""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    "ports-few": (
        "{connections} connections need as many client ports, and the profile {profile} leaves {ports}; "
        "widen net.ipv4.ip_local_port_range or ask for fewer connections"
    ),
    "ports-open": (
        "without keep-alive, {rate} req/s leave up to {needed} sockets in TIME_WAIT where there are {ports} "
        "client ports, which allow {limit} new connections/s; set net.ipv4.tcp_tw_reuse to 1 (then "
        "{ports}/s) or widen net.ipv4.ip_local_port_range in the profile {profile}"
    ),
    "ports-closed": (
        "without keep-alive, {ports} client ports at {rest} s of TIME_WAIT allow {limit} new connections/s, "
        "and a closed loop that is faster measures the ports; set net.ipv4.tcp_tw_reuse to 1 (then "
        "{ports}/s) or widen net.ipv4.ip_local_port_range in the profile {profile}"
    ),
    "ports-reused": (
        "without keep-alive, {rate} req/s need more than the {limit} new connections/s that {ports} client "
        "ports allow when each rests {rest} s; widen net.ipv4.ip_local_port_range in the profile {profile}"
    ),
    "nofile": (
        "{connections} connections and {besides} other files exceed the {limit} open files that the profile "
        "{profile} leaves; raise limits.nofile or ask for fewer connections"
    ),
    "sessions": (
        "{workers} workers may hold {pool} database session(s) each, {needed} together, where PostgreSQL "
        "admits {limit}; raise max_connections in the profile {profile}"
    ),
    "samples": (
        "{count} request(s) in a run give no {missing}, {first} needs {least}; measure longer if it matters"
    ),
    "wrk2-closing": (
        "the daemon closes its connections, and wrk2 is made for ones that stay open: its latency holds the "
        "opening of each, and a connection closed while idle may be lost for good; use pacer"
    ),
    "h2load-paced": (
        "h2load --rps is not free of coordinated omission: its latency is service time and never ranks with "
        "corrected latency; use pacer for latency at a rate"
    ),
    "h2load-log": (
        "a run of {seconds} s is too long for h2load's log of single requests, so there will be no percentiles; "
        "measure at most {limit} s if they matter"
    ),
    "rate-high": (
        "{each} req/s on each connection leave no time for {trips} round trip(s) of up to {trip_ms} ms; ask "
        "for at least {enough} connections"
    ),
    "rate-low": (
        "only {scheduled} requests are scheduled for {connections} connections, so some stay idle; ask for "
        "fewer connections or a longer duration"
    ),
    "idle": (
        "{service} closes a connection that is idle for {limit} s, and each of {connections} is used every {each} s, "
        "so it will not hold them all; raise the rate or ask for fewer connections if it should"
    ),
    "link": (
        "bodies of {size} bytes at {rate} req/s are {mbit} Mb/s without any header, above the {limit} Mb/s "
        "from where the link is the limit; lower the rate"
    ),
    "contract": (
        "the contract check sends {limit} requests and not the {needed} that would empty {workers} pools of "
        "{pool}; a pool that leaks may pass it"
    ),
    "duration": (
        "all runs take {hours} hours; fewer blocks or --apps make it shorter, and an interrupted campaign "
        "resumes"
    ),
}
