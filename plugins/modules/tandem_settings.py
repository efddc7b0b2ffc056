#!/usr/bin/python
"""Ansible module: a machine's kernel settings as one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_settings
short_description: Kernel settings of a machine as one transaction
description:
  - Applies sysctls and sysfs files in one call. The originals are journalled on the machine's disk before the
    first write, every value is read back, and a key that could not be applied is reported with the reason.
  - A second C(applied) with other keys switches the machine. Keys that are not wanted any more are put back,
    and recorded originals are never overwritten.
  - C(restored) puts every original back and proves it, any number of times, also after a crash or a reboot.
  - Nothing is written that would survive a reboot.
  - With I(arm_s) the machine restores itself by a systemd timer when no controller comes back in time.
    Calling C(applied) again counts the seconds anew; C(restored) removes the timer.
options:
  state:
    description: C(applied) makes the settings hold, C(restored) undoes that, C(snapshot) only looks.
    type: str
    choices: [applied, restored, snapshot]
    default: applied
  kernel:
    description:
      - The settings, as key and value, or as key and a dictionary of C(value) and C(optional).
      - A key is a sysctl of net, vm, fs or kernel, or a file C(sysfs:/sys/...) that may hold stars.
    type: dict
    default: {}
  unavailable:
    description:
      - What to do when this machine cannot have a key that is not optional. C(fail) leaves the machine as it
        was; C(report) applies the others.
    type: str
    choices: [fail, report]
    default: fail
  service_ports:
    description: Ports of the services. A range of client ports that covers them unreserved is refused.
    type: list
    elements: int
    default: []
  arm_s:
    description: Seconds after which the machine restores itself; 0 leaves the timer as it is.
    type: int
    default: 0
  stop_units:
    description: Patterns of systemd units that the timer and C(restored) stop before settings are put back.
    type: list
    elements: str
    default: ["tandem-*.service"]
  script_dir:
    description: Folder for the stand-alone program C(tandem_settings.pyz), written by C(applied).
    type: path
    default: /opt/tandem/lib
  full:
    description: Whether to return all readable net, vm, fs and kernel sysctls too; C(snapshot) always does.
    type: bool
    default: false
  machine:
    description: Name of the machine in the returned snapshots.
    type: str
    default: ""
  root:
    description: Root folder of the machine; a made-up one is for tests, and systemd is not asked for it.
    type: path
    default: /
"""
EXAMPLES = r"""
- name: Apply the profile
  tandem_settings:
    kernel:
      net.core.somaxconn: 65535
      net.ipv4.tcp_congestion_control: {value: bic, optional: true}
    service_ports: [8000, 8004, 8008]
    arm_s: 1800

- name: Put everything back
  tandem_settings:
    state: restored
"""
RETURN = r"""
report:
  description:
    - What happened to every key. Lists are C(applied), C(put_back), C(unchanged), C(unavailable), C(refused),
      C(side_effects), C(drifted) (changed by others since), C(left) (not put back, and why), C(remaining)
      (could not be put back) and C(others_changed) (not written by this module, yet different from before).
    - C(restored) is true when the machine is proven to be as it was.
  type: dict
  returned: unless nothing could be looked at
snapshot:
  description: All settings now.
  type: dict
  returned: when I(full) or state is C(snapshot)
documents:
  description:
    - Files to keep, as C(name) and C(content). C(applied) gives before, during and report, C(restored) gives
      after and restored, C(snapshot) gives now, with before if a transaction is open.
  type: list
  returned: when I(full) or state is C(snapshot)
stopped_units:
  description: Units that were running and were stopped.
  type: list
  returned: state C(restored)
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.tandem_kernel import cli, program, snapshot, timer
from ansible.module_utils.tandem_kernel.journal import JournalError
from ansible.module_utils.tandem_kernel.keys import KernelFiles
from ansible.module_utils.tandem_kernel.report import Report, SettingsError
from ansible.module_utils.tandem_kernel.transaction import Transaction

WHEN = {"applied": "during", "restored": "after", "snapshot": "now"}


def apply(module: AnsibleModule, transaction: Transaction) -> dict[str, Any]:
    """Install the program, set the timer, apply; the timer comes first so that no write is without it."""
    params, check = module.params, module.check_mode
    installed = program.install(params["script_dir"], check=check)
    armed = params["arm_s"] > 0 and not check and transaction.files.root == "/"
    if armed:
        path = os.path.join(params["script_dir"], program.NAME)
        timer.arm(params["arm_s"], timer.command(path, params["stop_units"]))
    try:
        report = transaction.apply(params["kernel"], service_ports=params["service_ports"],
                                   strict=params["unavailable"] == "fail", check=check)
    except SettingsError:
        if armed and transaction.before() is None:
            timer.disarm()      # there is nothing to put back
        raise
    return {"report": report.as_dict(), "changed": report.changed or installed, "diff": diff_of(report)}


def restore(module: AnsibleModule, transaction: Transaction) -> dict[str, Any]:
    """Stop the units, put everything back, remove the timer."""
    was_open, stopped = transaction.before() is not None, []
    if module.check_mode:
        report = transaction.restore(check=True)
    else:
        report, stopped = cli.restore(transaction, module.params["stop_units"])
    return {"report": report.as_dict(), "changed": was_open or bool(stopped), "stopped_units": stopped,
            "diff": diff_of(report)}


def look(_module: AnsibleModule, _transaction: Transaction) -> dict[str, Any]:
    """Change nothing."""
    return {"changed": False}


def diff_of(report: Report) -> dict[str, str]:
    """The changed keys alone, before and after."""
    rows = sorted(report.put_back + report.applied, key=lambda row: str(row["key"]))
    return {side: "".join(f"{row['key']} = {row[field]}\n" for row in rows)
            for side, field in (("before", "from"), ("after", "to"))}


def documents(params: dict[str, Any], transaction: Transaction,
              report: dict[str, Any] | None) -> dict[str, Any]:
    """What is known in full, as the files settings-<machine>-<name>.json hold it."""
    journal, machine = transaction.before(), params["machine"] or os.uname().nodename
    before = journal and snapshot.document_of(journal.before, machine=machine, when="before",
                                              taken_utc=journal.created_utc, boot_id=journal.boot_id)
    now = snapshot.document(transaction.files, machine=machine, when=WHEN[params["state"]])
    if before is None and params["state"] == "applied":     # nothing had to be written
        before = {**now, "when": "before"}
    done = report and {"schema_version": snapshot.SCHEMA_VERSION, "machine": machine, "report": report}
    name_of_report = "report" if params["state"] == "applied" else "restored"
    named = {"before": before, now["when"]: now, name_of_report: done}
    return {"snapshot": now, "documents": [{"name": name, "content": named[name]}
                                           for name in named if named[name]]}


def main() -> None:
    """Read the parameters, act, answer; every failure is one sentence."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["applied", "restored", "snapshot"], "default": "applied"},
            "kernel": {"type": "dict", "default": {}},
            "unavailable": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
            "service_ports": {"type": "list", "elements": "int", "default": []},
            "arm_s": {"type": "int", "default": 0},
            "stop_units": {"type": "list", "elements": "str", "default": list(timer.STOP_UNITS)},
            "script_dir": {"type": "path", "default": "/opt/tandem/lib"},
            "full": {"type": "bool", "default": False},
            "machine": {"type": "str", "default": ""},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    transaction = Transaction(KernelFiles(module.params["root"]))
    act = {"applied": apply, "restored": restore, "snapshot": look}[module.params["state"]]
    try:
        answer = act(module, transaction)
        if module.params["full"] or act is look:
            answer.update(documents(module.params, transaction, answer.get("report")))
    except SettingsError as error:
        module.fail_json(msg=f"Kernel settings: {error}", report=error.report.as_dict())
    except (JournalError, timer.TimerError) as error:
        module.fail_json(msg=f"Kernel settings: {error}")
    except OSError as error:
        sentence = f"{error.filename or 'a file'} cannot be used ({error.strerror or error})"
        module.fail_json(msg=f"Kernel settings: {sentence}")
    else:
        module.exit_json(**answer)


if __name__ == "__main__":
    main()
