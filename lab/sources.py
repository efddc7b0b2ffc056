"""The host's own distribution and where its packages come from; third-party entries are left out."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

COMPONENTS = {
    "debian": frozenset({"main", "contrib", "non-free", "non-free-firmware"}),
    "ubuntu": frozenset({"main", "universe", "restricted", "multiverse"}),
}
POCKETS = ("", "-updates", "-security", "/updates")
# What the machines need beyond `main`: wrk and iperf3 are in Ubuntu's universe.
_NEEDED = {"debian": "main", "ubuntu": "universe"}
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


@dataclass(frozen=True, kw_only=True)
class Host:
    """The distribution of this box: `family` is debian or ubuntu, `suite` its code name."""

    family: str
    suite: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """One package source: one address, one suite."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None

    def line(self) -> str:
        """Return it the way /etc/apt/sources.list has it."""
        option = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {option}{self.uri} {self.suite} {' '.join(self.components)}"


def read_os_release(text: str, *, suite: str | None = None) -> Host:
    """Tell the distribution from /etc/os-release; `suite` overrides its code name.  Raises LabError."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = "".join(shlex.split(value))
    names = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
    family = next((name for name in names if name in COMPONENTS), None)
    if family is None:
        system = values.get("PRETTY_NAME") or values.get("ID") or "something else"
        raise LabError(f"the lab makes its machines of the host's Debian or Ubuntu packages, and this is {system}")
    found = suite or values.get(f"{family.upper()}_CODENAME") or values.get("VERSION_CODENAME")
    if not found:
        raise LabError("/etc/os-release has no VERSION_CODENAME: name the release with --suite, as in --suite trixie")
    return Host(family=family, suite=found)


def own_sources(host: Host, texts: Iterable[tuple[str, str]], *, keyring: str | None) -> list[Source]:
    """Choose the distribution's own entries from (file name, text) pairs of apt's source lists.

    Kept: the suite, its updates and its security updates, with the distribution's components, from an entry
    that is signed by the distribution's keyring or, naming none, has the distribution's name in its path.
    Raises LabError when there is none for the suite itself.
    """
    suites = {host.suite + pocket for pocket in POCKETS}
    found = []
    for name, text in texts:
        for source in _parse(name, text):
            components = tuple(part for part in source.components if part in COMPONENTS[host.family])
            if source.suite in suites and components and _is_own(host, source):
                found.append(
                    Source(
                        uri=source.uri,
                        suite=source.suite,
                        components=_with_needed(host, components),
                        signed_by=source.signed_by or keyring,
                    )
                )
    if host.suite not in {source.suite for source in found}:
        raise LabError(
            f"apt on this host has no {host.family} entry for {host.suite}: add the distribution's own to "
            "/etc/apt/sources.list.d, or name a release that it has with --suite"
        )
    return list(dict.fromkeys(found))


def read_host_lists(folder: Path = Path("/etc/apt")) -> list[tuple[str, str]]:
    """Read the host's apt source lists as (file name, text)."""
    paths = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return [
        (path.name, path.read_text(errors="replace"))
        for path in paths
        if path.suffix in (".list", ".sources") and path.is_file()
    ]


def find_keyring(host: Host, folder: Path = Path("/usr/share/keyrings")) -> str | None:
    """Return the distribution's own keyring on this host."""
    for ending in ("gpg", "pgp"):
        path = folder / f"{host.family}-archive-keyring.{ending}"
        if path.is_file():
            return str(path)
    return None


def _parse(name: str, text: str) -> Iterator[Source]:
    return _parse_deb822(text) if name.endswith(".sources") else _parse_lines(text)


def _parse_lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            options = dict(part.partition("=")[::2] for part in (match["options"] or "").split())
            yield Source(
                uri=match["uri"],
                suite=match["suite"],
                components=tuple(match["components"].split()),
                signed_by=_keyring_path(options.get("signed-by", "")),
            )


def _parse_deb822(text: str) -> Iterator[Source]:
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", without_comments):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1].isspace() and key:
                fields[key] += "\n" + line.strip()
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0")
        if enabled and "deb" in fields.get("types", "").split():
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield Source(
                        uri=uri,
                        suite=suite,
                        components=tuple(fields.get("components", "").split()),
                        signed_by=_keyring_path(fields.get("signed-by", "")),
                    )


def _keyring_path(value: str) -> str | None:
    """Return the keyring's path; a key in the list itself is somebody's own, and kept as such."""
    first = value.partition(",")[0].strip()
    return first or None


def _is_own(host: Host, source: Source) -> bool:
    if source.signed_by is not None:
        return Path(source.signed_by).name.startswith(f"{host.family}-archive-")
    address = source.uri.partition("://")[2] or source.uri
    return any(part.startswith(host.family) for part in address.lower().split("/")[1:])


def _with_needed(host: Host, components: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*components, _NEEDED[host.family])))
