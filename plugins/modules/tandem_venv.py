#!/usr/bin/python
"""Ansible module: a virtual environment made from an archive of wheels, without any package index."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_venv
short_description: Make a daemon's virtual environment from its archive of wheels
description:
  - The environment is made anew when the archive differs from the one it was made from, and left alone otherwise.
options:
  wheels: {type: path, required: true, description: archive that tandem_wheels made}
  venv: {type: path, required: true, description: folder of the environment}
"""
EXAMPLES = r"""
- name: Make the environment of flask
  tandem_venv: {wheels: /opt/tandem/wheels/flask-0123456789abcdef.tar, venv: /opt/tandem/venvs/flask}
"""
RETURN = r"""
venv: {description: the environment, type: str, returned: always}
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule

MARKER = "made-from.txt"


def made_from(venv: str) -> str | None:
    """Name of the archive that the environment was made from, None for an absent or half-made one."""
    try:
        with open(os.path.join(venv, MARKER), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def run(*argv: str) -> None:
    """Run a command; raises CalledProcessError with its output when it fails."""
    subprocess.run(argv, check=True, capture_output=True, text=True)


def make(wheels: str, venv: str) -> None:
    """Make the environment anew; the marker comes last, so a half-made one is never taken for whole."""
    shutil.rmtree(venv, ignore_errors=True)
    run(sys.executable, "-m", "venv", venv)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(wheels) as archive:
            names = [member.name for member in archive.getmembers() if os.path.basename(member.name) == member.name]
            for name in names:
                archive.extract(name, folder)
        paths = [os.path.join(folder, name) for name in names]
        run(f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
            "--disable-pip-version-check", *paths)
    run(f"{venv}/bin/python", "-m", "pip", "check", "--disable-pip-version-check")
    with open(os.path.join(venv, MARKER), "w", encoding="utf-8") as file:
        file.write(os.path.basename(wheels) + "\n")


def main() -> None:
    """Read the parameters, make what is missing, answer."""
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "wheels": {"type": "path", "required": True},
        "venv": {"type": "path", "required": True},
    })
    wheels, venv = module.params["wheels"], module.params["venv"]
    changed = made_from(venv) != os.path.basename(wheels)
    if changed and not module.check_mode:
        try:
            make(wheels, venv)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout or "no reason given").strip().splitlines()
            module.fail_json(msg=f"{venv} cannot be made from {wheels}: {said[-1]}")
        except (OSError, tarfile.TarError) as error:
            module.fail_json(msg=f"{venv} cannot be made from {wheels}: {error}")
    module.exit_json(changed=changed, venv=venv)


if __name__ == "__main__":
    main()
