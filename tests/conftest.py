"""Shared by all tests."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

ROOT = Path(__file__).resolve().parents[1]

# On a machine Ansible puts our helpers beside its own; here they are added to the same package.
ansible.module_utils.__path__.append(str(ROOT / "plugins" / "module_utils"))
