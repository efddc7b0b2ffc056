"""Time and the settings of this process that make waking up exact. Linux only.

Everything is measured with CLOCK_MONOTONIC, which a step of the wall clock does not touch.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
from time import monotonic_ns

from pacer.units import NS_PER_S

now_ns = monotonic_ns

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29

_libc = ctypes.CDLL(None, use_errno=True)
_settime = _libc.timerfd_settime


class Timer:
    """A timerfd: a file descriptor that becomes readable at a given time of CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._spec = (ctypes.c_long * 4)()       # struct itimerspec: interval (0, 0), first expiry (s, ns)
        self._flags = ctypes.c_int(_TFD_TIMER_ABSTIME)
        self._fd = ctypes.c_int(self.fd)

    def arm(self, at_ns: int) -> None:
        """Expire at at_ns (at once if that is past). Replaces what was armed before."""
        spec = self._spec
        spec[2], spec[3] = divmod(at_ns, NS_PER_S)
        _settime(self._fd, self._flags, spec, None)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


def wake_exactly() -> None:
    """Ask the kernel not to put off this process's timers in order to bundle them (the default is 50 us)."""
    _libc.prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def stop_garbage_collector() -> None:
    """Move all objects out of the collector's sight and turn it off: no pauses.

    Reference counts free everything that a run makes.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def run_on(cpus: frozenset[int]) -> None:
    """Run this process on these CPUs only. Raises OSError when none of them exists."""
    os.sched_setaffinity(0, cpus)
