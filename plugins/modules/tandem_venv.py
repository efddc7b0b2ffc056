#!/usr/bin/python
"""Ansible module: a virtual environment made from an archive of wheels, without any package index."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_venv
short_description: Make each daemon's virtual environment from its archive of wheels
description:
  - An environment that cannot be made does not keep the others from being made. Its folder's name is its app's.
  - An environment is made anew when the archive differs from the one it was made from, and left alone otherwise.
options:
  venvs: {type: dict, required: true, description: folder of each environment to the archive that tandem_wheels made}
  conflicts:
    type: dict
    default: {}
    description: folder of an environment to the names of packages whose own requirements may be broken in it
  system:
    type: list
    elements: str
    default: []
    description: environments that are made with Debian's own /usr/bin/python3
"""
EXAMPLES = r"""
- name: Make the environment of flask
  tandem_venv: {venvs: {/opt/tandem/venvs/flask: /opt/tandem/wheels/flask-0123456789abcdef.tar}}
"""
RETURN = r"""
made: {description: the environments that were made, type: list, returned: always}
refused: {description: "apps whose environment cannot be made, and why", type: dict, returned: always}
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

MARKER = "made-from.txt"
SYSTEM_PYTHON = "/usr/bin/python3"


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


def complaints(text: str, conflicts: list[str]) -> list[str]:
    """The lines of `pip check` that are no conflict of a named package, each of which begins with a package's name."""
    known = {normal(name) for name in conflicts}
    return [line for line in text.splitlines() if line.strip() and normal(line.split()[0]) not in known]


def normal(name: str) -> str:
    """A package's name as the index writes it: small letters, with a dash between words."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check(venv: str, conflicts: list[str]) -> None:
    """Ask pip whether the packages fit together; raises CalledProcessError with what does not."""
    argv = [f"{venv}/bin/python", "-m", "pip", "check", "--disable-pip-version-check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    left = complaints(done.stdout, conflicts)
    if done.returncode and (left or not done.stdout.strip()):
        raise subprocess.CalledProcessError(done.returncode, argv, "\n".join(left), done.stderr)


def make(wheels: str, venv: str, conflicts: list[str], python: str) -> None:
    """Make the environment anew; the marker comes last, so a half-made one is never taken for whole."""
    shutil.rmtree(venv, ignore_errors=True)
    run(python, "-m", "venv", venv)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(wheels) as archive:
            names = [member.name for member in archive.getmembers() if os.path.basename(member.name) == member.name]
            for name in names:
                archive.extract(name, folder)
        paths = [os.path.join(folder, name) for name in names]
        run(f"{venv}/bin/python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
            "--disable-pip-version-check", *paths)
    check(venv, conflicts)
    with open(os.path.join(venv, MARKER), "w", encoding="utf-8") as file:
        file.write(os.path.basename(wheels) + "\n")


def fault_of(wheels: str, venv: str, conflicts: list[str], python: str) -> str | None:
    """Make an environment; the sentence why it cannot be made, None when it was.

    Raises OSError for what is the machine's fault and no app's, such as a full disk.
    """
    try:
        make(wheels, venv, conflicts, python)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "no reason given").strip().splitlines()
        return said[-1]
    except tarfile.TarError as error:
        said = str(error).splitlines() or [type(error).__name__]
        return f"{venv} cannot be made from {wheels}: {said[0].rstrip(':')}"
    return None


def main() -> None:
    """Read the parameters, make what is missing, answer."""
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "venvs": {"type": "dict", "required": True},
        "conflicts": {"type": "dict", "default": {}},
        "system": {"type": "list", "elements": "str", "default": []},
    })
    params: dict[str, Any] = module.params
    lacking = {venv: wheels for venv, wheels in params["venvs"].items()
               if made_from(venv) != os.path.basename(wheels)}
    refused = {}
    for venv, wheels in {} if module.check_mode else lacking.items():
        app, python = os.path.basename(venv), SYSTEM_PYTHON if venv in params["system"] else sys.executable
        try:
            sentence = fault_of(wheels, venv, params["conflicts"].get(venv, []), python)
        except OSError as error:
            module.fail_json(msg=f"{error.filename or venv} cannot be made: {error.strerror or error}")
        if sentence:
            refused[app] = f"{app} cannot be installed: {sentence}"
    made = [venv for venv in lacking if os.path.basename(venv) not in refused]
    module.exit_json(changed=bool(made), made=made, refused=refused)


if __name__ == "__main__":
    main()
