#!/usr/bin/python
"""Ansible module for the controller: one archive with every wheel that an app needs on its machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_wheels
short_description: Collect the wheels of one app for the machines' interpreter
description:
  - Runs on the controller, the only machine that needs a package index.
  - A requirement that has no wheel is built here, by itself or else beside the app's other requirements.
  - A built wheel with compiled parts is accepted where the machine has this controller's processor and Python, and a
    glibc that is at least as new.
  - An app whose wheels cannot be had does not keep the others from theirs.
  - Nothing is done when an archive for the same requirements, interpreter and processor exists.
options:
  apps: {type: dict, required: true, description: name of each app to its fully pinned requirements file}
  python_version: {type: str, required: true, description: interpreter of the machine, such as 3.11}
  machine: {type: str, required: true, description: processor of the machine, such as x86_64}
  glibc: {type: str, default: "", description: "glibc of the machine, such as 2.36; empty where it is not known"}
  into: {type: path, required: true, description: folder of archives}
"""
EXAMPLES = r"""
- name: Collect the wheels of flask
  tandem_wheels:
    apps: {flask: apps/flask/requirements.txt}
    python_version: "3.11"
    machine: x86_64
    into: .cache/wheels
"""
RETURN = r"""
archives: {description: "for each app its name, and the archive's path and file name", type: list, returned: always}
refused: {description: "apps whose wheels cannot be had, each with the sentence why", type: dict, returned: always}
"""

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

AT_ONCE = 4
BUILD_TOOLS = ("setuptools==80.9.0", "wheel==0.45.1")
GLIBC_TAGS = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


class WheelError(Exception):
    """A wheel that cannot be had; the message is the sentence for the user."""


def requirement_lines(text: str) -> list[str]:
    """The requirements, without comments; each must pin one version.

    Raises WheelError for a line that does not.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if line and "==" not in line:
            raise WheelError(f"line {number} ({line}) does not pin a version with ==")
    return [line for line in lines if line]


def pip_succeeds(*words: str, pip: tuple[str, ...] = PIP) -> tuple[bool, str]:
    """Run pip; whether it succeeded, and its last words when it did not."""
    ended = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
    said = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")] or ended.stderr.splitlines()
    return ended.returncode == 0, said[-1] if said else "pip gave no reason"


def platform_words(version: str, machine: str) -> list[str]:
    """pip's words for wheels that fit the machine."""
    words = ["--only-binary=:all:", f"--python-version={version}", "--implementation=cp"]
    words += [f"--platform=manylinux_{tag}_{machine}" for tag in GLIBC_TAGS] + [f"--platform=manylinux2014_{machine}"]
    return [*words, "--platform=any", f"--abi=cp{version.replace('.', '')}", "--abi=abi3", "--abi=none"]


def collect(lines: list[str], folder: str, version: str, machine: str, glibc: str = "") -> None:
    """Put one wheel for each line into the folder.

    Raises WheelError naming the requirement that cannot be had.
    """
    fitting = platform_words(version, machine)
    if pip_succeeds("download", "--quiet", "--no-deps", "--dest", folder, *fitting, *lines)[0]:
        return
    lacking = [line for line in lines
               if not pip_succeeds("download", "--quiet", "--no-deps", "--dest", folder, *fitting, line)[0]]
    for line in lacking:
        if pip_succeeds("wheel", "--quiet", "--no-deps", "--wheel-dir", folder, line)[0]:
            continue
        built, reason = build_beside(line, folder)
        if not built:
            raise WheelError(f"{line} has no wheel for Python {version} on {machine} and cannot be built: {reason}")
    for name in os.listdir(folder):
        if not (name.endswith("-none-any.whl") or "manylinux" in name):
            differs = unfit(version, machine, glibc)
            if differs:
                raise WheelError(f"{name} was built on this controller, and {differs}; pin a version that has a wheel")


def build_beside(line: str, folder: str) -> tuple[bool, str]:
    """Build a wheel where the wheels of the folder are installed, for a package whose build needs them."""
    others = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".whl")]
    with tempfile.TemporaryDirectory() as place:
        made = subprocess.run([sys.executable, "-m", "venv", place], capture_output=True, text=True, check=False)
        if made.returncode:
            return False, "no virtual environment can be made to build it in"
        pip = (os.path.join(place, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "--no-input")
        done = pip_succeeds("install", "--quiet", *BUILD_TOOLS, pip=pip)
        if done[0] and others:
            done = pip_succeeds("install", "--quiet", "--no-deps", "--no-index", *others, pip=pip)
        if not done[0]:
            return done
        words = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, line)
        return pip_succeeds("wheel", *words, pip=pip)


def unfit(version: str, machine: str, glibc: str) -> str | None:
    """What keeps a compiled wheel that was built here from running on the machine, None where nothing does."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    own = platform.libc_ver()[1]
    if machine != platform.machine():
        return f"the machine's processor is {machine} where this one is {platform.machine()}"
    if version != here:
        return f"the machine's Python is {version} where this one is {here}"
    if not glibc or not own or numbers(glibc) < numbers(own):
        return f"the machine's glibc is {glibc or 'not known'} where this one is {own or 'not known'}"
    return None


def numbers(version: str) -> list[int]:
    """2.36 as [2, 36], so that versions can be compared."""
    return [int(part) for part in version.split(".") if part.isdigit()]


def pack(folder: str, path: str) -> None:
    """The folder's files as one archive, complete or not there."""
    partial = f"{path}.partial"
    with tarfile.open(partial, "w") as archive:
        for name in sorted(os.listdir(folder)):
            archive.add(os.path.join(folder, name), arcname=name)
    os.replace(partial, path)


def bundle(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Make the archive unless it exists; Ansible's result."""
    with open(params["requirements"], encoding="utf-8") as file:
        text = file.read()
    lines = requirement_lines(text)
    identity = "\n".join([*lines, params["python_version"], params["machine"]])
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    path = os.path.join(params["into"], f"{params['name']}-{key}.tar")
    if os.path.exists(path) or check_mode:
        return {"changed": not os.path.exists(path), "path": path}
    os.makedirs(params["into"], exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        collect(lines, folder, params["python_version"], params["machine"], params.get("glibc", ""))
        pack(folder, path)
    return {"changed": True, "path": path}


def bundles(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Make what is missing, several apps at once, as they mostly wait for the network; Ansible's result.

    Raises OSError for what is this controller's fault and no app's, such as a full disk.
    """
    def one(name: str, requirements: str) -> dict[str, Any]:
        try:
            return bundle({**params, "name": name, "requirements": requirements}, check_mode=check_mode)
        except WheelError as error:
            return {"changed": False, "sentence": f"requirements.txt: {error}"}
        except FileNotFoundError as error:
            if error.filename != requirements:
                raise
            return {"changed": False, "sentence": f"{requirements}: {error.strerror}"}

    apps = params["apps"]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        made = dict(zip(apps, pool.map(one, apps.keys(), apps.values()), strict=True))
    archives = [{"app": name, "path": found["path"], "name": os.path.basename(found["path"])}
                for name, found in made.items() if "path" in found]
    refused = {name: f"{name} cannot be installed: {found['sentence']}"
               for name, found in made.items() if "sentence" in found}
    return {"changed": any(found["changed"] for found in made.values()), "archives": archives, "refused": refused}


def main() -> None:
    """Read the parameters, collect, answer."""
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "apps": {"type": "dict", "required": True},
        "python_version": {"type": "str", "required": True},
        "machine": {"type": "str", "required": True},
        "glibc": {"type": "str", "default": ""},
        "into": {"type": "path", "required": True},
    })
    try:
        module.exit_json(**bundles(module.params, check_mode=module.check_mode))
    except OSError as error:
        where = error.filename or module.params["into"]
        module.fail_json(msg=f"Wheels cannot be kept on this controller: {where}: {error.strerror or error}")


if __name__ == "__main__":
    main()
