"""The virtual environments of the apps, kept between sessions: apps with the same requirements share one."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from tandem_venv import complaints
from tandem_wheels import collect, requirement_lines

from collectors.plan.model import Service

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "apps"
VENVS = ROOT / ".cache" / "test-venvs"
SYSTEM_PYTHON = "/usr/bin/python3"


def python_of(wanted: str | None) -> str:
    """The interpreter for an app's environment: the tests' own, or Debian's where the app needs that one."""
    return SYSTEM_PYTHON if wanted == "system" else sys.executable


def version_of(python: str) -> str:
    """Its version, as in 3.11.2."""
    words = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def environment_of(service: Service, apps: Path = APPS) -> Path:
    """The service's virtual environment, made when its requirements have changed; `apps` is the folder of its app's.

    uv makes one in a third of pip's time. Where it cannot, as with an index that only pip knows or a package that must
    be built beside others, the wheels are collected as for a machine of the bench.
    """
    requirements, python = apps / service.app / "requirements.txt", python_of(service.python)
    folder = VENVS / identity_of(requirements, python)
    VENVS.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _make(folder, requirements, python, list(service.conflicts))
            (folder / "complete").touch()
    return folder


def identity_of(requirements: Path, python: str) -> str:
    """What an environment is named by."""
    return hashlib.sha256(f"{version_of(python)}{python}{requirements.read_text()}".encode()).hexdigest()[:16]


def remove_unused() -> None:
    """Remove the environments that no app asks for any more."""
    used = set()
    for file in APPS.glob("*/app.yml"):
        python = python_of(yaml.safe_load(file.read_text()).get("python"))
        used.add(identity_of(file.with_name("requirements.txt"), python))
    for folder in VENVS.iterdir() if VENVS.exists() else ():
        if folder.is_dir() and folder.name not in used:
            shutil.rmtree(folder)


def _make(folder: Path, requirements: Path, python: str, conflicts: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    inner = str(folder / "bin" / "python")
    words = ["--quiet", "--no-deps", "--compile-bytecode", "--python", inner, "-r", str(requirements)]
    if _run("uv", "pip", "install", *words):
        with tempfile.TemporaryDirectory() as wheels:
            minor = ".".join(version_of(python).split(".")[:2])
            lines = requirement_lines(requirements.read_text())
            collect(lines, wheels, minor, platform.machine(), platform.libc_ver()[1])
            found = [str(path) for path in Path(wheels).iterdir()]
            said = _run("pip", "--python", inner, "--quiet", "install", "--no-deps", "--no-index", *found)
            assert not said, f"the wheels of {requirements.parent.name} cannot be installed: {said}"
    left = complaints(_run("pip", "--python", inner, "--disable-pip-version-check", "check"), conflicts)
    assert not left, f"the packages of {requirements.parent.name} do not fit together: {left}"


def _run(*words: str) -> str:
    """Run an installer of the tests' own environment; what it says when it fails, nothing otherwise."""
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr or "no reason given") if done.returncode else ""
