"""The virtual environment: made once, filled from the pinned requirements, kept until they change."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from orderhub.launch.places import ROOT, VENV, Stop, apt_line, only_one, say

RUNTIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"


def python() -> str:
    """The interpreter of the virtual environment."""
    return str(VENV / "bin/python")


def tool(name: str) -> str:
    """A program that a requirement installed."""
    return str(VENV / "bin" / name)


def fingerprint(requirements: str) -> str:
    """What the stamp holds: the pinned versions with their hashes, and the Python they were installed for."""
    content = (ROOT / requirements).read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} python{sys.version_info.major}.{sys.version_info.minor}\n"


def _stamp(requirements: str) -> Path:
    return VENV / f".{requirements}.installed"


def installed(requirements: str) -> bool:
    """Whether exactly these requirements are installed already."""
    stamp = _stamp(requirements)
    return stamp.exists() and Path(python()).exists() and stamp.read_text() == fingerprint(requirements)


def setup(development: bool = False) -> None:
    """Make the environment when there is none, and install what is not installed yet."""
    wanted = [RUNTIME, DEVELOPMENT] if development else [RUNTIME]
    if all(installed(name) for name in wanted):
        return
    with only_one("setup", wait=1800):
        if not Path(python()).exists() or not list(VENV.glob("lib/python3*/site-packages/pip")):
            _make()
        for name in wanted:
            if not installed(name):
                _install(name)


def _make() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise Stop(
            f"Python's venv module is not installed here. On Debian and Ubuntu:\n\n    {apt_line(package)}\n"
        )
    say(f"making {VENV}")
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if done.returncode:
        raise Stop(f"the virtual environment could not be made:\n{(done.stderr + done.stdout).strip()}")


def _install(requirements: str) -> None:
    say(f"installing {requirements} (each package checked against its hash)")
    command = [
        python(),
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-input",
        "-q",
    ]
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "PIP_ROOT_USER_ACTION": "ignore"}
    env.pop("PYTHONPATH", None)
    if subprocess.run([*command, "-r", str(ROOT / requirements)], env=env, cwd=ROOT).returncode:
        raise Stop(
            f"{requirements} could not be installed (pip's own words are above). Is there a network, or a "
            "package mirror set by PIP_INDEX_URL? What was installed so far is kept: start again to go on."
        )
    _stamp(requirements).write_text(fingerprint(requirements))
