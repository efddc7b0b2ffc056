#!/usr/bin/python
"""Documentation of the action plugin tandem_run, where Ansible looks for it: plugins/action/tandem_run.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_run
short_description: One step of one measured run
description:
  - C(begin) makes the run's folder and puts the run's settings in force; on the server it also starts the daemon
    alone and checks its contract.
  - C(load) generates the load, with counters of this machine before and after.
  - C(end) takes the last counters, ends the daemon, keeps its log and brings the folder to the controller.
  - C(verify) starts the daemon on each data set, checks each endpoint, stops it, and says in a line for each endpoint
    what was found. It is no part of a run and keeps no files.
  - C(record) works on the controller alone. It judges the run from what both machines left, and says so in one line.
  - A daemon or a generator that fails is a finding, written to the folder; the task fails only when the machine does.
  - The steps are programs of the standard library, sent to the machine with each call and run there at once. That
    takes a third of the time of a module, and leaves nothing there that could be out of date.
options:
  step: {type: str, required: true, choices: [begin, load, end, verify, record]}
  run: {type: dict, required: true, description: the run as the frozen plan holds it}
  results: {type: path, default: "", description: the campaign's folder on the controller; all but verify need it}
  service: {type: dict, default: {}, description: the service as the frozen plan holds it; only the server needs it}
  units: {type: list, elements: str, default: [], description: every daemon unit of the campaign}
  machine: {type: str, required: true, description: "name of this machine's counter files, server or client"}
  serves: {type: bool, default: false, description: whether the daemon runs on this machine}
  workers: {type: int, default: 1}
  profile: {type: str, default: stock, description: name of the machine settings in force}
  settings:
    type: dict
    default: {}
    description:
      - What the run's profile asks of this machine, see plugins/module_utils/tandem_profile.py. C(begin) puts it in
        force where the campaign has several profiles; C(begin) and C(end) read back what holds.
  user: {type: str, default: tandem, description: unprivileged user that runs the load}
  nofile: {type: int, default: 0, description: "open files for the generator; 0 leaves the machine's own limit"}
  start_timeout_s: {type: int, default: 30}
  database_port: {type: int, default: 5442, description: port of PostgreSQL, to count a daemon's sessions}
  base: {type: str, default: /var/lib/tandem/runs, description: folder on the machine for the run under way}
"""
EXAMPLES = r"""
- name: Start the daemon alone and check its contract
  tandem_run:
    {step: begin, run: "{{ run }}", results: "{{ results }}", service: "{{ service }}", machine: server, serves: true}
"""
RETURN = r"""
ok: {description: whether the next step makes sense, type: bool, returned: "steps begin, load and verify"}
message: {description: what went wrong in one sentence, type: str, returned: when ok is false}
kept: {description: whether the machine's files are on the controller now, type: bool, returned: step end}
msg: {description: what came of it, in lines, type: raw, returned: steps verify and record}
"""
