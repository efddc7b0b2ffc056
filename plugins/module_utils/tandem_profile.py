"""A run's profile on one machine: make it hold where the campaign has several, and read back what holds.

What is asked comes as `settings`: `kernel` (the profile's own, key to value and optional), `keys` (the kernel keys of
all the campaign's profiles), and where there are several profiles `switch`, with `service_ports`, `postgresql_text`
(the cluster's configuration file) and `postgresql_keys`. Nothing raises here but OSError, and RestoredError where the
machine waits no longer to be put back: a setting that does not hold is a finding of the run, and the machine's
originals in the journal are never touched by it.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same modules, where mypy finds them
    from tandem_daemon import systemctl
    from tandem_files import read_text
    from tandem_kernel.journal import JournalError
    from tandem_kernel.keys import KernelFiles, settings_of
    from tandem_kernel.report import SettingsError
    from tandem_kernel.timer import UNIT, has_systemd
    from tandem_kernel.transaction import Transaction
else:
    from ansible.module_utils.tandem_daemon import systemctl
    from ansible.module_utils.tandem_files import read_text
    from ansible.module_utils.tandem_kernel.journal import JournalError
    from ansible.module_utils.tandem_kernel.keys import KernelFiles, settings_of
    from ansible.module_utils.tandem_kernel.report import SettingsError
    from ansible.module_utils.tandem_kernel.timer import UNIT, has_systemd
    from ansible.module_utils.tandem_kernel.transaction import Transaction

LIMITS = "run/systemd/system/{unit}.d/profile.conf"
"""What systemd adds to the run's daemon; gone with a reboot, and taken away when the machine is put back
(tandem_kernel.timer)."""
CLUSTER = "etc/postgresql/*/tandem"
QUERY = """
SELECT coalesce(json_agg(t), '[]') FROM (
  SELECT k.name, current_setting(k.name, true) AS value, f.name IS NOT NULL AS asked, f.applied, s.pending_restart
  FROM json_array_elements_text('{keys}') AS k(name)
  LEFT JOIN pg_file_settings f ON f.name = k.name AND f.sourcefile LIKE '%/conf.d/tandem.conf'
  LEFT JOIN pg_settings s ON s.name = k.name) t
"""


class RestoredError(Exception):
    """The machine was put back, and what changes it now would be left behind; the message says what to do."""


def require_timer(root: str = "/") -> None:
    """Refuse to change a machine whose timer is gone: it was put back while a step of a lost controller went on.

    Whoever changes a machine sets the timer first, and restoring it removes the timer. Raises RestoredError.
    """
    if has_systemd(root) and systemctl("is-active", "--quiet", f"{UNIT}.timer").returncode:
        raise RestoredError(f"this machine has no {UNIT}.timer, so it was put back meanwhile and is changed no more;"
                            " run bench.yml as a whole, or playbooks/tune.yml first")


def settle(params: dict[str, Any], root: str = "/") -> dict[str, Any]:
    """Put the run's profile in force, as far as this machine can; what settings-<machine>.json holds."""
    settings, faults = params.get("settings") or {}, []
    transaction = Transaction(KernelFiles(root))
    unavailable: list[dict[str, Any]] = []
    switched = False
    if settings.get("switch"):
        require_timer(root)
        try:
            report = transaction.apply(settings["kernel"], service_ports=settings["service_ports"], strict=False)
            unavailable, switched = report.unavailable, report.changed
        except (JournalError, SettingsError) as error:
            faults.append(str(error))
    found: dict[str, Any] = {
        "schema_version": 1, "machine": params["machine"], "profile": params.get("profile"),
        "kernel": values(settings.get("keys") or [], root), "asked": asked(transaction, settings, faults),
        "unavailable": unavailable, "faults": faults,
    }
    if params.get("serves"):
        limit(params["service"]["unit"], params.get("nofile") if settings.get("switch") else None, root)
        if settings.get("switch"):
            found["postgresql"] = database(settings, params["database_port"], faults, root, switched=switched)
    return found


def values(keys: Iterable[str], root: str = "/") -> dict[str, str | None]:
    """What holds now of these keys of the kernel; None where the machine has it not."""
    files = KernelFiles(root)
    return {key: files.now(key) for key in _names(keys)}


def asked(transaction: Transaction, settings: dict[str, Any], faults: list[str]) -> dict[str, str]:
    """What should hold: the profile's own values, and of the other profiles' keys what the machine had before."""
    try:
        journal = transaction.before()
    except JournalError as error:
        faults.append(str(error))
        journal = None
    entries = journal.entries if journal else {}
    originals = {key: entries[key].original for key in _names(settings.get("keys") or []) if key in entries}
    own, _ = settings_of(settings.get("kernel") or {})
    return {**originals, **{setting.key: setting.value for setting in own}}


def _names(keys: Iterable[str]) -> list[str]:
    """The keys by their own names."""
    return [setting.key for setting in settings_of(dict.fromkeys(keys, 0))[0]]


def limit(unit: str, nofile: int | None, root: str = "/") -> None:
    """Let the daemon have so many open files from its next start on; None or 0 leaves what its unit says.

    systemd is told also of a change that a step before did not come to tell it.
    """
    path = os.path.join(root, LIMITS.format(unit=unit))
    wanted = f"[Service]\nLimitNOFILE={nofile}\n" if nofile else None
    if read_text(path) == wanted:
        if systemctl("show", unit, "--property=NeedDaemonReload", "--value").stdout.strip() != "yes":
            return
    elif wanted is None:
        os.remove(path)
    else:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(wanted)
    systemctl("daemon-reload")


def open_files(unit: str, root: str = "/") -> int | None:
    """The limit of open files of a daemon that runs, as its main process has it; None where it cannot be read."""
    pid = systemctl("show", unit, "--property=MainPID", "--value").stdout.strip()
    limits = read_text(os.path.join(root, "proc", pid, "limits")) or ""
    found = re.search(r"^Max open files +(\d+)", limits, re.MULTILINE)
    return int(found[1]) if found else None


def database(
    settings: dict[str, Any], port: int, faults: list[str], root: str = "/", *, switched: bool = False
) -> dict[str, Any]:
    """Restart PostgreSQL where its settings are others, then read back those of all profiles, key to value.

    Where the kernel's were `switched` too: a process keeps some of those that it was started under, such as the length
    of its accept queue, the buffers of its listening sockets, and huge pages.
    """
    folders = sorted(glob.glob(os.path.join(root, CLUSTER)), key=lambda path: int(path.split(os.sep)[-2]))
    if not folders:
        faults.append("this machine has no PostgreSQL cluster of the bench")
        return {}
    path, version = os.path.join(folders[-1], "conf.d", "tandem.conf"), folders[-1].split(os.sep)[-2]
    differs = read_text(path) != settings["postgresql_text"]
    if differs:
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings["postgresql_text"])
    if differs or switched:
        done = systemctl("restart", f"postgresql@{version}-tandem.service")
        if done.returncode:
            faults.append(f"PostgreSQL does not start with the profile's settings: {_why(version, root)}")
            return {}
    return _read_back(settings["postgresql_keys"], port, faults)


def _why(version: str, root: str) -> str:
    """The last thing that PostgreSQL said of a fault."""
    log = (read_text(os.path.join(root, f"var/log/postgresql/postgresql-{version}-tandem.log")) or "").splitlines()
    said = [line for line in log if "FATAL" in line or "ERROR" in line] or log or ["no reason given"]
    return said[-1].strip()


def _read_back(keys: list[str], port: int, faults: list[str]) -> dict[str, Any]:
    query = QUERY.format(keys=json.dumps(keys).replace("'", "''"))
    command = ["runuser", "-u", "postgres", "--", "psql", "-h", "/var/run/postgresql", "-p", str(port), "-d",
               "postgres", "-AtXqc", query]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd="/")
    try:
        rows = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines()
        faults.append(f"PostgreSQL does not answer: {said[-1] if said else 'no reason given'}")
        return {}
    wrong = [row for row in rows if row["asked"] and (not row["applied"] or row["pending_restart"])]
    faults.extend(f"PostgreSQL's {row['name']} is {row['value']}, which is not what was asked" for row in wrong)
    return {row["name"]: row["value"] for row in rows}
