"""Where things lie in a checkout, and how a launcher speaks to the person who started it.

Decision: everything that runs lives under one folder (``VAR_DIR``, by default ``var``), so that deleting it
leaves a clean checkout, and nothing outside of it needs to be found again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
VENV = Path(os.environ.get("ORDERHUB_VENV") or ROOT / ".venv").absolute()
LOG = VAR / "log"
RUN = VAR / "run"


class Stop(Exception):
    """A sentence for the person at the terminal; the launcher prints it and ends with code 2."""


def checkout_key() -> str:
    """A short name for this checkout, for what must live outside of it."""
    return hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]


def say(text: str = "") -> None:
    """Progress goes to stderr: stdout belongs to what a verb prints as its answer."""
    print(text, file=sys.stderr, flush=True)


def make_folders() -> None:
    """Create the folders under var, or say whose they are."""
    for folder in (VAR, LOG, RUN):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except PermissionError as error:
            raise Stop(f"{folder} cannot be created: {error.strerror}. Is the checkout yours?") from error
        if not os.access(folder, os.W_OK):
            raise Stop(
                f"{folder} belongs to another account (perhaps it was made by root). "
                f"Remove it, or give it to yourself:  sudo chown -R {os.geteuid()} {VAR}"
            )


@contextlib.contextmanager
def only_one(name: str, wait: float = 600) -> Iterator[None]:
    """Hold a lock between launchers of the same checkout; say so when another one is holding it."""
    make_folders()
    with (RUN / f"{name}.lock").open("a") as handle:
        started, told = time.monotonic(), False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say(f"another start ({name}) is under way in this checkout: waiting")
                    told = True
                if time.monotonic() - started > wait:
                    raise Stop(f"another start ({name}) has been under way for {wait:.0f} s") from None
                time.sleep(0.2)
        yield


def apt_line(*packages: str) -> str:
    """The exact line that installs Debian packages for whoever is asking."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"
