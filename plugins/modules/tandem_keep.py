#!/usr/bin/python
"""Documentation of the action plugin tandem_keep, where Ansible looks for it: plugins/action/tandem_keep.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_keep
short_description: Keep evidence in the results folder on the controller
description:
  - Writes files on the controller, whole or not at all, and makes their folder. Nothing is asked of the machine.
  - Evidence is no change of a machine, so the task never counts as one. A check keeps nothing.
options:
  directory: {type: path, required: true, description: folder on the controller}
  files:
    type: dict
    required: true
    description: Name to content. A text is written as it is, anything else as JSON.
"""
EXAMPLES = r"""
- name: Keep what ping said
  tandem_keep: {directory: "{{ results_dir }}/link/before", files: {ping.txt: "{{ ping.stdout }}\n"}}
"""
