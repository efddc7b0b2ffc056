"""apps/launchers.yml: the ways to start a daemon, and how their commands are filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, cast

from collectors.errors import PlanError
from collectors.plan.document import Item, unknown
from collectors.plan.load import load
from collectors.plan.model import FrontProtocol, Launcher

LITERALS: Final = {"bind": "${TANDEM_BIND}", "port": "${TANDEM_PORT}", "workers": "${TANDEM_WORKERS}"}
"""What is chosen per run: the unit's environment fills it in."""
BUILT_IN: Final = ("venv", "module", *LITERALS, "listen", "socket")
PROTOCOLS: Final = ("http", "uwsgi")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN")


def read_launchers(apps_dir: Path) -> Mapping[str, Launcher]:
    """All launchers by name; raises PlanError for a wrong key, value or placeholder."""
    document = load(apps_dir / "launchers.yml", f"{apps_dir.name}/launchers.yml")
    launchers = document.fields(required=("launchers",))["launchers"].named_entries("a launcher")
    return {name: _launcher(name, item) for name, item in launchers.items()}


def _launcher(name: str, item: Item) -> Launcher:
    fields = item.fields(required=("argv", "keep_alive"), optional=("options", "env", "http2", "protocol"))
    options = read_options(fields["options"]) if "options" in fields else {}
    argv = fields["argv"].items()
    for word in argv:
        _check_word(word, (*BUILT_IN, *options))
    return Launcher(
        name=name,
        argv=tuple(word.text() for word in argv),
        keep_alive=fields["keep_alive"].boolean(),
        options=options,
        env=read_env(fields["env"]) if "env" in fields else {},
        http2=fields["http2"].boolean() if "http2" in fields else False,
        protocol=_protocol(fields.get("protocol")),
    )


def _protocol(item: Item | None) -> FrontProtocol:
    return cast(FrontProtocol, PROTOCOLS[0] if item is None else item.choice(PROTOCOLS, "protocol"))


def _check_word(word: Item, allowed: Iterable[str]) -> None:
    text = word.text()
    if "$" in text:
        raise word.refuse(f"is {text!r}", "words without $, which systemd would expand")
    for name in _PLACEHOLDER.findall(text):
        if name not in allowed:
            raise unknown("placeholder", name, allowed, word.where)


def read_options(item: Item, allowed: Iterable[str] | None = None) -> dict[str, str]:
    """Options with their values as text; where allowed is given, only those names."""
    entries = item.entries() if allowed is None else item.fields(required=(), optional=allowed)
    for name, entry in entries.items():
        if name in BUILT_IN:
            raise PlanError(
                f"{entry.where}: {name!r} cannot be an option, every launcher has it already; allowed: "
                "another name"
            )
        if "$" in entry.scalar() or "{" in entry.scalar():
            raise entry.refuse(entry.shown(), "values without $ and {")
    return {name: entry.scalar() for name, entry in entries.items()}


def read_env(item: Item) -> dict[str, str]:
    """Environment variables; a value that looks like a secret is refused, since it would end up in
    results.
    """
    for name, entry in item.entries().items():
        if not _VARIABLE.fullmatch(name) or _SECRET.search(name) or name.startswith("TANDEM_"):
            raise PlanError(
                f"{entry.where}: {name!r} cannot be set here; allowed: names in capitals, no passwords or "
                "secrets, nothing of TANDEM_"
            )
        if "$" in entry.scalar():
            raise entry.refuse(entry.shown(), "values without $")
    return {name: entry.scalar() for name, entry in item.entries().items()}


def fill(word: str, values: Mapping[str, str]) -> str:
    """The word with every {name} replaced by its value."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], word)
