"""var/env: the keys, addresses and ports of this checkout, generated once and readable by their owner only.

Decision: secrets are made here and nowhere else, kept between starts (or stored ciphertext would be lost),
and never printed; the launcher hands the file's values to every child, so that all of them agree.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from orderhub.launch.places import VAR, make_folders

ENV_FILE = VAR / "env"


def read(path: Path = ENV_FILE) -> dict[str, str]:
    """The values of the file, as orderhub.env reads them."""
    if not path.exists():
        return {}
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return {key.strip(): value.strip() for key, _, value in pairs}


def write(values: dict[str, str], path: Path = ENV_FILE) -> None:
    """Write the file in one move, for its owner's eyes only."""
    make_folders()
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write("# Written by orderhub/bootstrap.py. Keep it, secret: stored data is encrypted by it.\n")
        out.writelines(f"{key}={value}\n" for key, value in values.items())
    new.replace(path)


def generated() -> dict[str, str]:
    """Fresh secrets for a checkout that has none."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "HASH_KEY": secrets.token_hex(32),
        "ADMIN_USER": "admin",
        "ADMIN_PASSWORD": secrets.token_urlsafe(12),
        "WEB_PORT": "8000",
        "SANDBOX_PORT": "8900",
    }


def complete(**known: str) -> dict[str, str]:
    """The file's values, with what was missing generated and what is known now put in."""
    before = read()
    values = {**generated(), **before, **known}
    values["PUBLIC_URL"] = f"http://127.0.0.1:{values['WEB_PORT']}"
    values["SANDBOX_URL"] = f"http://127.0.0.1:{values['SANDBOX_PORT']}"
    if values != before:
        write(values)
    return values


def for_children(values: dict[str, str], **more: str) -> dict[str, str]:
    """A child's environment: the person's variables win over the file, what the launcher knows over both."""
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    return {**values, **kept, "PYTHONUNBUFFERED": "1", "VAR_DIR": str(VAR), **more}
