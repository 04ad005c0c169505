"""The sandbox's own record of every effect that reached it: what the drills believe, whatever the product says."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KINDS = (
    "source.order",
    "wms.order",
    "wms.weight",
    "wms.cancel",
    "waybill.number",
    "waybill.cancel",
    "channel.ship",
    "trace.subscribe",
    "kingdee.save",
    "kingdee.submit",
    "kingdee.audit",
    "sms.sent",
    "payment.callback",
    "return.receipt",
    "kingdee.unaudit",
    "kingdee.delete",
    "wms.refund",
    "wms.purchase",
    "group.told",
    "wms.synced",
    "mail.taken",
    "stock.set",
    "limit.set",
)

SCHEMA = """
create table if not exists entry (
  id integer primary key, platform text not null, kind text not null, key text not null,
  effect integer not null, at text not null, body text not null);
create index if not exists entry_kind_key on entry (kind, key);
create table if not exists state (
  platform text not null, key text not null, body text not null, primary key (platform, key)) without rowid;
"""


class Ledger:
    """Append-only entries plus a small key-value memory for the platforms, in one sqlite file.

    ``effect=False`` writes down a repetition that changed nothing (an idempotent second call, a refused one).
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._lock = threading.RLock()
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(SCHEMA)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Look, decide and write without another thread in between; one transaction."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def record(
        self, platform: str, kind: str, key: str, body: dict[str, Any] | None = None, effect: bool = True
    ) -> int:
        """Write one entry; how many effects (platform, kind, key) has now."""
        if kind not in KINDS:
            raise ValueError(f"unknown ledger kind {kind!r}; the known ones are {', '.join(KINDS)}")
        with self.together():
            self._db.execute(
                "insert into entry (platform, kind, key, effect, at, body) values (?, ?, ?, ?, ?, ?)",
                (
                    platform,
                    kind,
                    key,
                    int(effect),
                    datetime.now(UTC).isoformat(),
                    json.dumps(body or {}, ensure_ascii=False, default=str),
                ),
            )
            return self._db.execute(
                "select count(*) from entry where kind = ? and key = ? and platform = ? and effect = 1",
                (kind, key, platform),
            ).fetchone()[0]

    def once(
        self, platform: str, kind: str, key: str, make: Callable[[], dict[str, Any]]
    ) -> tuple[dict, bool]:
        """The body of the effect (platform, kind, key), made and recorded when it is not there yet; (body, new)."""
        with self.together():
            row = self._db.execute(
                "select body from entry where kind = ? and key = ? and platform = ? and effect = 1 order by id limit 1",
                (kind, key, platform),
            ).fetchone()
            if row is not None:
                body = json.loads(row[0])
                self.record(platform, kind, key, {"repeated": True}, effect=False)
                return body, False
            body = make()
            self.record(platform, kind, key, body)
            return body, True

    def find(self, kind: str, key: str, platform: str | None = None) -> list[dict[str, Any]]:
        """All entries of one key, oldest first."""
        return self._rows(
            "kind = ? and key = ?" + (" and platform = ?" if platform else ""),
            [kind, key] + ([platform] if platform else []),
        )

    def all(self, kind: str, platform: str | None = None) -> list[dict[str, Any]]:
        """All entries of one kind, oldest first."""
        return self._rows(
            "kind = ?" + (" and platform = ?" if platform else ""), [kind] + ([platform] if platform else [])
        )

    def _rows(self, where: str, args: list[str]) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._db.execute(
                f"select platform, kind, key, effect, at, body from entry where {where} order by id", args
            ).fetchall()
        return [
            {"platform": p, "kind": k, "key": key, "effect": bool(e), "at": at, "body": json.loads(body)}
            for p, k, key, e, at, body in rows
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Per kind: entries, effects, distinct keys with an effect, keys with more than one effect."""
        with self._lock:
            rows = self._db.execute(
                "select kind, sum(n), sum(e), sum(e > 0), sum(e > 1) from (select kind, platform, key, count(*) n,"
                " sum(effect) e from entry group by kind, platform, key) group by kind"
            ).fetchall()
        return {
            kind: {"entries": n, "effects": e, "keys": keys, "doubled": doubled}
            for kind, n, e, keys, doubled in rows
        }

    def remember(self, platform: str, key: str, body: Any) -> None:
        """Keep a platform's own state across restarts of the sandbox."""
        with self._lock:
            self._db.execute(
                "insert into state values (?, ?, ?) on conflict do update set body = excluded.body",
                (platform, key, json.dumps(body, ensure_ascii=False, default=str)),
            )

    def recall(self, platform: str, key: str, default: Any = None) -> Any:
        with self._lock:
            row = self._db.execute(
                "select body from state where platform = ? and key = ?", (platform, key)
            ).fetchone()
        return default if row is None else json.loads(row[0])

    def recall_all(self, platform: str, starting: str = "") -> dict[str, Any]:
        """Every remembered key of a platform that starts with ``starting``."""
        with self._lock:
            rows = self._db.execute(
                "select key, body from state where platform = ? and substr(key, 1, ?) = ?",
                (platform, len(starting), starting),
            ).fetchall()
        return {key: json.loads(body) for key, body in rows}

    def forget(self) -> None:
        """Empty everything but the frame's own memory (POST /_sandbox/reset)."""
        with self.together():
            self._db.execute("delete from entry")
            self._db.execute("delete from state where platform <> '_world'")

    def close(self) -> None:
        with self._lock:
            self._db.close()
