"""How many connections are open at a port of this machine: asked of the kernel, or read where it does not answer."""

from __future__ import annotations

import re
import socket
import struct

from ansible.module_utils.tandem_files import read_text

# Linux, include/uapi/linux/netlink.h, sock_diag.h and inet_diag.h
SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301
DONE = 3
ESTABLISHED = 1
HEADER = struct.Struct("=IHHII")                    # length, type, flags, sequence, sender
ASKED = struct.Struct("=BBBxI2s46x")                # family, protocol, extensions, states, own port; the rest is any
FOUND = struct.Struct("=4x2s2s16s16s12x4I I")       # own port, other port, own and other address, ..., inode
BUFFER = 1 << 16

Other = tuple[bytes, str]


def connections(port: int, root: str = "") -> dict[str, int]:
    """The established connections to a port of this machine: those the daemon has, and those still in its queue.

    One that no process has accepted has no inode. The kernel's table may change while it is read, so that a connection
    may be met twice; it is counted once.
    """
    found = asked(port) if not root else None
    others = read(port, root) if found is None else found
    waiting = sum(inode == "0" for _, inode in others)
    return {"accepted": len(others) - waiting, "waiting": waiting}


def asked(port: int) -> set[Other] | None:
    """The other end and the inode of each connection, by netlink; None where the kernel does not tell."""
    found: set[Other] = set()
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as netlink:
            netlink.settimeout(1.0)
            for family in (socket.AF_INET, socket.AF_INET6):
                body = ASKED.pack(family, socket.IPPROTO_TCP, 0, 1 << ESTABLISHED, port.to_bytes(2, "big"))
                netlink.send(HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0) + body)
                while not _take(netlink.recv(BUFFER), found):
                    pass
    except OSError:
        return None
    return found


def _take(data: bytes, found: set[Other]) -> bool:
    """Put what an answer holds into `found`; whether it was the last one. OSError for a refusal."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        if kind == DONE:
            return True
        if kind != SOCK_DIAG_BY_FAMILY or length < HEADER.size + FOUND.size:
            raise OSError("the kernel does not list its connections")
        _, port, _, address, *_, inode = FOUND.unpack_from(data, at + HEADER.size)
        found.add((address + port, str(inode)))
        at += (length + 3) & ~3
    return False


def read(port: int, root: str = "") -> set[Other]:
    """The same from /proc/net/tcp and tcp6, which list all there are (Documentation/networking/proc_net_tcp.rst)."""
    line = re.compile(rf": [0-9A-F]+:{port:04X} ([0-9A-F]+:[0-9A-F]{{4}}) 01 \S+ \S+ \S+ +\d+ +\d+ (\d+) ")
    texts = [read_text(f"{root}/proc/net/{name}") or "" for name in ("tcp", "tcp6")]
    return {(other.encode(), inode) for text in texts for other, inode in line.findall(text)}
