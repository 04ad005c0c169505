"""Typed settings from the environment; a missing or malformed value is an error that names it.

Values are read from the process environment first, then from `var/env` (KEY=VALUE lines that
`orderhub/bootstrap.py` writes), then from the default given here. `.env.example` lists every
variable that the settings read; a test holds the two equal.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent.parent
#: Every variable that was asked for, in order, with its default: what `.env.example` must list.
ASKED: dict[str, str | None] = {}


class BadEnvironment(RuntimeError):
    """A variable is missing or cannot be read as its type."""


def _file() -> dict[str, str]:
    path = Path(os.environ.get("VAR_DIR", ROOT / "var")) / "env"
    if not path.is_file():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text("utf-8").splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs if not key.lstrip().startswith("#")}


_FILE = _file()


def text(name: str, default: str | None = None) -> str:
    """The variable as text. Raises BadEnvironment when it is absent and has no default."""
    ASKED.setdefault(name, default)
    value = os.environ.get(name, _FILE.get(name, default))
    if value is None:
        raise BadEnvironment(f"{name} is not set: see .env.example, or run `make setup` and `make demo`")
    return value


def integer(name: str, default: int) -> int:
    """The variable as a whole number."""
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise BadEnvironment(f"{name} must be a whole number, not {value!r}") from None


def flag(name: str, default: bool) -> bool:
    """The variable as yes or no: 1/true/yes/on or 0/false/no/off."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise BadEnvironment(f"{name} must be 1 or 0, not {value!r}")


def words(name: str, default: str = "") -> list[str]:
    """The variable as a comma separated list, blanks dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def proxies(name: str) -> int | list[IPv4Network | IPv6Network]:
    """The variable as a number of proxies, or as a comma separated list of their addresses and networks; [] is none."""
    given = words(name)
    if len(given) == 1 and given[0].isdecimal():
        return int(given[0])
    try:
        return [ip_network(word) for word in given]
    except ValueError as error:
        raise BadEnvironment(f"{name} must be a number, or addresses and networks: {error}") from None


def database(name: str = "DATABASE_URL", default: str | None = None) -> dict[str, object]:
    """A `postgresql://user:password@host:port/name` URL as Django's DATABASES entry."""
    url = urlparse(text(name, default))
    if url.scheme not in {"postgres", "postgresql"}:
        raise BadEnvironment(f"{name} must be a postgresql:// URL: OrderHub runs on PostgreSQL only")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
    }
