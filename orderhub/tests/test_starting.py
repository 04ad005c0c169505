"""A process that starts loads what every process needs; large libraries come with the first work that needs them."""

from __future__ import annotations

import json
import subprocess
import sys

from django.conf import settings

#: Their size in memory when they were measured: 55 MB of dictionaries, 6 MB.
LARGE = ("pypinyin", "reportlab")
START = """
import json, sys, django
django.setup()
import orderhub.urls, orders.operations.exporting
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""


def test_that_no_process_starts_with_the_dictionaries_of_pinyin_or_the_writer_of_labels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, *LARGE],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
