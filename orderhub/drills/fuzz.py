"""Spoilt payloads of every connector, kept and read, and spoilt bodies at every door, rightly signed.

Reading runs in a worker of its own: one that dies shows. What counts: no answer of 500 and more, no dead worker,
every payload has a verdict, and the bytes that were kept are the bytes that came.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from orderhub import crypto
from orderhub.drills import fuzz_cast, workers
from orderhub.drills.cast import scalar, set_up
from orderhub.drills.fuzz_cast import Door, Fed
from orderhub.drills.mutating import variants
from orderhub.inbound import keeping, processing
from orderhub.inbound.registry import PAYLOAD_KINDS
from orderhub.models import Payload
from orderhub.sandbox.world import World
from orderhub.testing.sandbox import running_sandbox

SEED = 31


def run(*, long: bool) -> dict[str, Any]:
    each, knocks, big = (5000, 1000, 10) if long else (100, 50, 1)
    options: dict[str, Any] = {
        "seed": SEED,
        "orders": 80,
        "days": 2,
        "no_scenarios": True,
        "mix": fuzz_cast.mix(),
    }
    with tempfile.TemporaryDirectory() as folder:
        with running_sandbox(Path(folder), **options) as sandbox:
            known = fuzz_cast.accounts(set_up(sandbox.url), sandbox.url)
            world = World(SEED, 80, 2, scenarios=False, mix=options["mix"])
            rows, doors = fuzz_cast.fed(known, world), fuzz_cast.doors(known, world)
        read = {row.name: _feed(row, each, big) for row in rows}
        knocked = {door.name: _knock(door, knocks, big) for door in doors}
    after = _process(tuple(PAYLOAD_KINDS))
    dead = sum(row["dead_workers"] for row in read.values()) + (not isinstance(after, int))
    said = {
        "payloads": sum(row["payloads"] for row in read.values()),
        "requests": sum(row["requests"] for row in knocked.values()),
        "dead_workers": dead,
        "refused_good_ones": sum(row["good_one"] >= 300 for row in knocked.values()),
        "unread": sum(row["unread"] for row in read.values()),
        "not_kept": sum(row["not_kept"] for row in [*read.values(), *knocked.values()]),
        "answers_5xx": sum(row["answers_5xx"] for row in knocked.values()),
        "broken": int(scalar("SELECT count(*) FROM orderhub_payload WHERE reason_code = 'broken'")),
        "unexplained": int(
            scalar("SELECT count(*) FROM orderhub_payload WHERE state = 'set_aside' AND reason = ''")
        ),
    }
    bad = ("refused_good_ones", "dead_workers", "unread", "not_kept", "answers_5xx", "broken", "unexplained")
    return {"ok": not any(said[name] for name in bad) and said["payloads"] > 0, **said,
            "read": read, "doors": knocked, "examples": _examples()}  # fmt: skip


def _feed(row: Fed, n: int, big: int) -> dict[str, Any]:
    """Keep `n` spoilt payloads of one kind, let a worker read them, and look at what became of each."""
    rng = random.Random(f"{SEED} {row.name}")
    ways: Counter[str] = Counter()
    sent: dict[str, str] = {}
    batch: list[keeping.Kept] = []
    first = int(scalar("SELECT coalesce(max(id), 0) FROM orderhub_payload"))
    for number, (way, raw) in enumerate(variants(rng.choice(row.samples), n, rng, big)):
        ways[way] += 1
        name = f"{row.name} {number}"
        sent[name] = hashlib.sha256(raw).hexdigest()
        batch.append(keeping.Kept(row.kind, name, "1", raw, "push"))
        if len(batch) == 100 or len(raw) > 1_000_000:
            keeping.keep_many(row.account.id, batch)
            batch = []
    keeping.keep_many(row.account.id, batch)
    started = time.monotonic()
    answer = _process((row.kind,))
    states: Counter[str] = Counter()
    kept = 0
    for payload in Payload.objects.filter(id__gt=first, kind=row.kind).iterator(chunk_size=50):
        if payload.external_id in sent:
            kept += (
                hashlib.sha256(crypto.decrypt(bytes(payload.raw_enc))).hexdigest()
                == sent[payload.external_id]
            )
            states[payload.state if payload.state != "new" or payload.reason_code else "unread"] += 1
    return {
        "payloads": n, "ways": len(ways), "dead_workers": int(not isinstance(answer, int)), "unread": states["unread"],
        "not_kept": n - kept, "states": dict(states), "seconds": round(time.monotonic() - started, 1),
        **({} if isinstance(answer, int) else {"died": answer}),
    }  # fmt: skip


def _process(kinds: tuple[str, ...]) -> Any:
    """A worker reads all that is due of these kinds; how many, or how it ended."""
    return workers.together(_read, [(kinds,)], 900)[0]


def _read(kinds: tuple[str, ...]) -> int:
    return sum(processing.process(kind) for kind in kinds)


def _knock(door: Door, n: int, big: int) -> dict[str, Any]:
    """Send `n` spoilt bodies to one address; every answer below 500, every accepted byte kept."""
    rng = random.Random(f"{SEED} door {door.name}")
    answers: Counter[int] = Counter()
    expected: set[str] = set()
    failed: list[str] = []
    first = int(scalar("SELECT coalesce(max(id), 0) FROM orderhub_payload"))
    good, _kept = door.knock(door.sample)
    for way, body in variants(door.sample, n, rng, big):
        try:
            status, kept = door.knock(body)
        except Exception as error:  # noqa: BLE001 - what a reader raises here is what its user would see as a 500
            status, kept = 599, None
            failed.append(f"{way}: {type(error).__name__}: {error}"[:200])
        answers[status] += 1
        if status >= 500 and len(failed) < 5:
            failed.append(f"{way}: {body[:60]!r}")
        if kept is not None:
            expected.add(hashlib.sha256(kept).hexdigest())
    stored = {
        hashlib.sha256(crypto.decrypt(bytes(sealed))).hexdigest()
        for sealed in Payload.objects.filter(id__gt=first)
        .values_list("raw_enc", flat=True)
        .iterator(chunk_size=50)
    }
    return {
        "requests": n, "good_one": good, "answers": {str(status): count for status, count in sorted(answers.items())},
        "answers_5xx": sum(count for status, count in answers.items() if status >= 500),
        "not_kept": len(expected - stored), **({"failed": failed[:5]} if failed else {}),
    }  # fmt: skip


def _examples() -> list[str]:
    """How the reading of payloads broke where it should have refused: each way once, with how often."""
    rows = Payload.objects.filter(reason_code="broken").values_list("kind", "reason")
    return [
        f"{kind} × {n}: {why}" for (kind, why), n in Counter((k, r[:160]) for k, r in rows).most_common(12)
    ]
