"""The documentation is held to the code: the README's lifecycle table, verbs and paths, and `.env.example`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation

from orderhub import env
from orders.lifecycle import TOUCHES

README = env.ROOT / "README.md"
TEXT = README.read_text("utf-8")
HEAD = "| code | label | point | from | to | by itself | module |"
#: A folder of this name, or a file with one of these ends, is a path of the repository.
PATH = re.compile(
    r"(?<![\w/.<…])((?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|in|txt|json|png|csv|example)|(?:[\w.-]+/)+(?=[`\s)]))"
)
#: What appears only once the house has been started.
MADE = ("var/",)


def lifecycle_table() -> str:
    """The table of the README as the code has it."""
    with translation.override("en"):
        lines = [HEAD, "|" + "---|" * 7]
        for touch in TOUCHES:
            point = f"C{touch.point}" if touch.point else ""
            end = touch.end if touch.end else "(stays)"
            cells = [
                f"`{touch.code}`", str(touch.label), point, ", ".join(touch.start), end,
                "yes" if touch.auto else "", touch.module,
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def asked() -> dict[str, str | None]:
    """What base and production settings ask of the environment, with defaults: a process that has only what must be."""
    script = (
        "import json, os, tempfile; os.environ['VAR_DIR'] = tempfile.mkdtemp(); from orderhub import env; "
        "os.environ.pop('VAR_DIR'); env._FILE.clear(); import orderhub.settings.production; print(json.dumps(env.ASKED))"
    )
    need = {
        "SECRET_KEY": "s", "HASH_KEY": "h", "DATABASE_URL": "postgresql://u:p@127.0.0.1/d", "BROKER_URL": "memory://",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], **need},
        cwd=env.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    found["VAR_DIR"] = str(Path(found["VAR_DIR"] or "").relative_to(env.ROOT))
    return found


def exampled() -> dict[str, str | None]:
    """The variables of `.env.example`: behind a `#` with their default, else without one."""
    found: dict[str, str | None] = {}
    for line in (env.ROOT / ".env.example").read_text("utf-8").splitlines():
        hit = re.fullmatch(r"(# )?([A-Z][A-Z_]+)=(.*)", line)
        if hit:
            assert hit[2] not in found, f"{hit[2]} stands twice"
            assert hit[1] or not hit[3], f"{hit[2]} has no default, yet {hit[3]!r} is given"
            found[hit[2]] = hit[3] if hit[1] else None
    return found


def test_that_the_lifecycle_table_of_the_readme_is_the_codes():
    start = TEXT.index(HEAD)
    assert TEXT[start : TEXT.index("\n\n", start)] == lifecycle_table()


def test_that_the_example_of_the_environment_lists_what_the_settings_ask():
    assert list(exampled().items()) == list(asked().items())


def test_that_every_verb_of_make_in_the_readme_exists():
    named = set(
        re.findall(
            r"make ([a-z]+)", " ".join(re.findall(r"`([^`]*)`", TEXT) + re.findall(r"(?m)^make.*", TEXT))
        )
    )
    makefile = (env.ROOT / "Makefile").read_text("utf-8")
    targets = " ".join(re.findall(r"(?m)^\.PHONY: (.*)$", makefile)).split()
    assert {"demo", "test", "stop"} <= named
    assert named <= set(targets)


def test_that_every_command_of_the_readme_exists():
    from django.core.management import get_commands

    named = set(re.findall(r"(?:manage\.py|bootstrap\.py manage) ([a-z_]+)", TEXT))
    assert {"migrate", "sandbox"} <= named
    assert named <= set(get_commands())


def test_that_every_path_in_the_readme_exists():
    named = set(PATH.findall(TEXT))
    assert len(named) > 30
    assert "orders/lifecycle.py" in named
    missing = [name for name in named if not name.startswith(MADE) and not (env.ROOT / name).exists()]
    assert not missing


def test_that_every_variable_in_the_readme_is_read_somewhere():
    sources = [*(env.ROOT / "orderhub").rglob("*.py"), env.ROOT / "conftest.py"]
    code = "\n".join(path.read_text("utf-8") for path in sources if "tests" not in path.parts)
    named = set(re.findall(r"`([A-Z]{2,}(?:_[A-Z]+)+)(?:=[^`]*)?`", TEXT))
    assert {"BROKER_URL", "FIELD_KEYS", "HASH_KEY"} <= named
    assert not [name for name in named if name not in code]


@pytest.mark.parametrize("picture", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT))
def test_that_a_picture_of_the_readme_is_small_enough_to_clone(picture: str):
    data = (env.ROOT / picture).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) <= 300_000
