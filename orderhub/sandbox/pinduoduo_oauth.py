"""Who may call Pinduoduo: authorise page, one-use codes, and tokens that a refresh does not let live longer."""

from __future__ import annotations

import hashlib
import html
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.frame import Answer, Request
from orderhub.sandbox.world import World

#: How long the owner's consent lasts; refreshing gives new tokens inside it.
CONSENT = timedelta(days=365)
ACCESS = timedelta(hours=24)
CODE_LIFE = timedelta(minutes=10)
OVER = "1970-01-01T00:00:00+00:00"
PAGE = """<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>拼多多授权（沙箱）</title>
<style>body{{font-family:sans-serif;margin:4rem auto;max-width:28rem;text-align:center}}
a{{display:inline-block;padding:.7rem 2rem;margin:.5rem;border-radius:.4rem;text-decoration:none}}
.yes{{background:#e02e24;color:#fff}}.no{{color:#666}}</style></head><body><h1>拼多多授权（沙箱）</h1>
<p>店铺 <b>{shop}</b> 允许应用 <b>{app}</b> 读取订单并发货吗？</p>
<p><a class="yes" id="agree" href="{yes}">同意授权</a><a class="no" id="refuse" href="{no}">拒绝</a></p></body></html>"""


class BadGrant(Exception):
    """A code or refresh token that is unknown, used or too old."""


class Tokens:
    """The tokens of the one shop; kept in the ledger's memory, so that a restart does not log anybody out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._codes: dict[str, datetime] = {}
        self._made = 0

    def check(self, token: str) -> bool:
        """Whether this access token is in force."""
        kept = self._kept()
        return token == kept["access"] and datetime.fromisoformat(kept["until"]) > self.world.now()

    def expire(self) -> None:
        """End the access token in force; its refresh token stays good."""
        with self.world.lock:
            self._keep({**self._kept(), "until": OVER})

    def revoke(self) -> None:
        """End both: only a new authorisation helps."""
        with self.world.lock:
            self._keep({**self._kept(), "until": OVER, "refresh": ""})

    def code(self) -> str:
        """A new code; asking again cancels earlier codes and the tokens in force."""
        with self.world.lock:
            self._made += 1
            code = self._opaque("code", self._made)
            self._codes = {code: self.world.now() + CODE_LIFE}
            self._keep({**self._kept(), "until": OVER, "refresh": ""})
            return code

    def exchange(self, code: str) -> dict[str, Any]:
        """A new pair for a code; BadGrant when it was used, is too old or was never given."""
        with self.world.lock:
            until = self._codes.pop(code, None)
            if until is None or until < self.world.now():
                raise BadGrant("code已过期或已使用")
            return self._renew(self.world.now() + CONSENT)

    def refresh(self, token: str) -> dict[str, Any]:
        """A new pair for a refresh token; the consent ends when it would have ended."""
        with self.world.lock:
            kept = self._kept()
            consent = datetime.fromisoformat(kept["consent"])
            if not token or token != kept["refresh"] or consent <= self.world.now():
                raise BadGrant("refresh_token已过期或已使用")
            return self._renew(consent)

    def _renew(self, consent: datetime) -> dict[str, Any]:
        n, now = self._kept()["n"] + 1, self.world.now()
        until = min(now + ACCESS, consent)
        new = {
            "n": n,
            "access": self._opaque("access", n),
            "refresh": self._opaque("refresh", n),
            "until": until.isoformat(),
            "consent": consent.isoformat(),
        }
        self._keep(new)
        ends = {
            f"{name}{suffix}": value
            for name in ("r1_expires", "r2_expires", "w1_expires", "w2_expires", "expires")
            for suffix, value in (
                ("_in", int((until - now).total_seconds())),
                ("_at", int(until.timestamp())),
            )
        }
        return {
            "access_token": new["access"],
            "refresh_token": new["refresh"],
            **ends,
            "refresh_token_expires_in": int((consent - now).total_seconds()),
            "refresh_token_expires_at": int(consent.timestamp()),
            "scope": ["pdd.order.list.get", "pdd.logistics.online.send", "pdd.waybill.get"],
            "owner_id": PINDUODUO["mall_id"],
            "owner_name": PINDUODUO["mall_name"],
        }

    def _kept(self) -> dict[str, Any]:
        kept = self.world.ledger.recall("pinduoduo", "token")
        if kept is None:
            until = (self.world.now() + CONSENT).isoformat()
            kept = {
                "n": 0,
                "access": PINDUODUO["access_token"],
                "refresh": PINDUODUO["refresh_token"],
                "until": until,
                "consent": until,
            }
            self._keep(kept)
        return kept

    def _keep(self, value: dict[str, Any]) -> None:
        self.world.ledger.remember("pinduoduo", "token", value)

    def _opaque(self, what: str, n: int) -> str:
        text = f"{self.world.seed}:{self.world.start}:pinduoduo:{what}:{n}"
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def authorise(tokens: Tokens, request: Request) -> Answer:
    """GET /service-market/auth: a page with two links, or with ``auto=1`` straight back to the redirect_uri."""
    query = request.query
    back = query.get("redirect_uri", "")
    if query.get("client_id") != PINDUODUO["client_id"] or query.get("response_type") != "code":
        return _page("client_id 或 response_type 不正确")
    if not back.startswith(("http://", "https://")):
        return _page("redirect_uri 不正确")
    sign = "&" if "?" in back else "?"
    state = {"state": query["state"]} if "state" in query else {}
    if query.get("refuse"):
        return Answer(
            302, b"", headers={"Location": back + sign + urlencode({"error": "access_denied", **state})}
        )
    if query.get("auto"):
        return Answer(
            302, b"", headers={"Location": back + sign + urlencode({"code": tokens.code(), **state})}
        )
    here = "/pinduoduo/service-market/auth?" + urlencode(query)
    return Answer(
        200,
        PAGE.format(
            shop=html.escape(PINDUODUO["mall_name"]),
            app=html.escape(PINDUODUO["client_id"]),
            yes=html.escape(here + "&auto=1"),
            no=html.escape(here + "&refuse=1"),
        ),
        "text/html; charset=utf-8",
    )


def _page(text: str) -> Answer:
    body = f"<!DOCTYPE html><html lang='zh'><meta charset='utf-8'><p>{text}</p></html>"
    return Answer(400, body, "text/html; charset=utf-8")
