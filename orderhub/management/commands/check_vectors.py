"""`manage.py check_vectors FILE`: our signatures against what other people's clients produce for the same inputs."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orderhub.integrations.signing_vectors import check


class Command(BaseCommand):
    """Prints what agrees, what does not and what is not built; exit 1 on a disagreement, 2 for an unreadable file."""

    help = "Hold every signer against a file of vectors."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="one JSON line instead of text")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            result = check(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            raise CommandError(f"{file}: {error}", returncode=2) from error
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "name": "check_vectors",
                        "ok": result.ok,
                        "agree": result.agree,
                        "disagree": result.disagree,
                        "not_built": result.not_built,
                    },
                    ensure_ascii=False,
                    default=str,
                )
            )
        else:
            self._print(result)
        if not result.ok:
            raise SystemExit(1)

    def _print(self, result: Any) -> None:
        for name in result.agree:
            self.stdout.write(f"agrees     {name}")
        for row in result.not_built:
            self.stdout.write(f"not built  {row['id']}: {row['platform']}, {row['algorithm']}")
        for row in result.disagree:
            self.stdout.write(f"DISAGREES  {row['id']}: {row.get('error') or row.get('made')}")
        self.stdout.write(
            f"{len(result.agree)} agree, {len(result.disagree)} disagree, {len(result.not_built)} not built"
        )
