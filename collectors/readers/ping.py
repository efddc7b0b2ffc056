"""The text of iputils `ping` with its summary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from collectors.readers.lines import Lines

_HEAD = re.compile(r"PING (\S+) \(?([^ )]+)\)?.*")
_ECHO = re.compile(
    r"[0-9]+ bytes from [^:\s].{0,300}: icmp_seq=[0-9]+ ttl=[0-9]+ time=([0-9]{1,9}(?:\.[0-9]{1,9})?) ms( \(DUP!\))?"
)
_TROUBLE = re.compile(r"(?:From \S.{0,300} icmp_seq=[0-9]+ .*|no answer yet for icmp_seq=[0-9]+|ping: sendmsg: .*)")
_TITLE = re.compile(r"--- (\S+) ping statistics ---")
_SUMMARY = re.compile(
    r"([0-9]{1,15}) packets transmitted, ([0-9]{1,15}) received,(?: \+[0-9]+ (?:errors|duplicates|corrupted),)* "
    r"[0-9]+(?:\.[0-9]+)?% packet loss(?:, time [0-9]+ms)?"
)
_ROUND_TRIP = re.compile(r"rtt min/avg/max/mdev = [0-9./]+ ms(?:, pipe [0-9]+)?(?:,? ?ipg/ewma [0-9./]+ ms)?")
_PIPE = re.compile(r"pipe [0-9]+")


@dataclass(frozen=True, kw_only=True)
class PingResult:
    """Echoes sent and received, and the round trip of each received one in milliseconds, in order."""

    target: str
    transmitted: int
    received: int
    round_trips_ms: tuple[float, ...]

    @property
    def loss_share(self) -> float | None:
        """Echoes without an answer; None where none was sent."""
        return 1 - self.received / self.transmitted if self.transmitted else None


def read_ping(text: str, file: Path | str) -> PingResult:
    """Return the echoes; ReadError where a line is damaged or foreign, or where the summary does not fit
    them."""
    lines = Lines(text, file)
    target = lines.take(_HEAD, "'PING …', the first line of ping")[2]
    if not target.isprintable():
        raise lines.error("the target holds a control character")
    times = []
    while True:
        if (echo := lines.take_if(_ECHO)) is not None:
            if echo[2] is None:
                times.append(float(echo[1]))
        elif lines.take_if(_TROUBLE) is None:
            break
    lines.take(_TITLE, "an echo or '--- … ping statistics ---'")
    summary = lines.take(_SUMMARY, "'N packets transmitted, N received, …'")
    transmitted, received = int(summary[1]), int(summary[2])
    if (times and len(times) != received) or received > transmitted:
        raise lines.error(f"{len(times)} echoes are listed above")
    if lines.take_if(_ROUND_TRIP) is None:
        lines.take_if(_PIPE)
    lines.end()
    return PingResult(target=target, transmitted=transmitted, received=received, round_trips_ms=tuple(times))
