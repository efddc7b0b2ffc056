"""The text of iputils `ping` with its summary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from collectors.readers.lines import Lines

_HEAD = re.compile(r"PING (\S+) \(?([^ )]+)\)?.*")
_ECHO = re.compile(r"\d+ bytes from \S+.*: icmp_seq=(\d+) ttl=\d+ time=(\d+(?:\.\d+)?) ms( \(DUP!\))?")
_TROUBLE = re.compile(r"(?:From \S+.* icmp_seq=\d+ .*|no answer yet for icmp_seq=\d+|ping: sendmsg: .*)")
_TITLE = re.compile(r"--- (\S+) ping statistics ---")
_SUMMARY = re.compile(
    r"(\d+) packets transmitted, (\d+) received,(?: \+\d+ (?:errors|duplicates|corrupted),)* "
    r"\d+(?:\.\d+)?% packet loss(?:, time \d+ms)?"
)
_ROUND_TRIP = re.compile(r"rtt min/avg/max/mdev = .* ms(?:, pipe \d+)?(?:,? ?ipg/ewma .* ms)?")
_PIPE = re.compile(r"pipe \d+")


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
    times = []
    while True:
        if (echo := lines.take_if(_ECHO)) is not None:
            if echo[3] is None:
                times.append(float(echo[2]))
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
