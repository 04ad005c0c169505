"""Who may call Taobao: authorise page, one-use codes, access tokens and refresh tokens that are good once."""

from __future__ import annotations

import hashlib
import html
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.frame import Answer, Request
from orderhub.sandbox.world import World

LIFE = timedelta(days=365)
CODE_LIFE = timedelta(minutes=10)
PAGE = """<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>淘宝授权（沙箱）</title>
<style>body{{font-family:sans-serif;margin:4rem auto;max-width:28rem;text-align:center}}
a{{display:inline-block;padding:.7rem 2rem;margin:.5rem;border-radius:.4rem;text-decoration:none}}
.yes{{background:#ff5000;color:#fff}}.no{{color:#666}}</style></head><body><h1>淘宝授权（沙箱）</h1>
<p>店铺 <b>{shop}</b> 允许应用 <b>{app}</b> 读取订单并发货吗？</p>
<p><a class="yes" id="agree" href="{yes}">授权并登录</a><a class="no" id="refuse" href="{no}">拒绝</a></p></body></html>"""


class BadGrant(Exception):
    """A code or refresh token that is unknown, used or too old."""


class Tokens:
    """The tokens of the one seller; kept in the ledger's memory, so that a restart does not log anybody out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._codes: dict[str, datetime] = {}
        self._made = 0

    def check(self, session: str) -> bool:
        """Whether this access token is in force."""
        kept = self._kept()
        return session == kept["access"] and datetime.fromisoformat(kept["until"]) > self.world.now()

    def expire(self) -> None:
        """End the access token in force; its refresh token stays good."""
        with self.world.lock:
            self._keep({**self._kept(), "until": (self.world.now() - timedelta(seconds=1)).isoformat()})

    def revoke(self) -> None:
        """End both: only a new authorisation helps."""
        with self.world.lock:
            self._keep({**self._kept(), "until": datetime(2000, 1, 1, tzinfo=UTC).isoformat(), "refresh": ""})

    def code(self) -> str:
        with self.world.lock:
            self._made += 1
            code = self._opaque("code", self._made)[:24]
            self._codes[code] = self.world.now() + CODE_LIFE
            return code

    def exchange(self, code: str) -> dict[str, Any]:
        """A new pair for a code; BadGrant when it was used, is too old or was never given."""
        with self.world.lock:
            until = self._codes.pop(code, None)
            if until is None or until < self.world.now():
                raise BadGrant("the authorization code is invalid, used or expired")
            return self._renew()

    def refresh(self, token: str) -> dict[str, Any]:
        """A new pair for a refresh token; the old refresh token is void from now on."""
        with self.world.lock:
            if not token or token != self._kept()["refresh"]:
                raise BadGrant("the refresh token is invalid or was used before")
            return self._renew()

    def _renew(self) -> dict[str, Any]:
        kept = self._kept()
        n = kept["n"] + 1
        new = {
            "n": n,
            "access": "6100" + self._opaque("access", n),
            "refresh": "6101" + self._opaque("refresh", n),
            "until": (self.world.now() + LIFE).isoformat(),
        }
        self._keep(new)
        seconds = int(LIFE.total_seconds())
        return {
            "access_token": new["access"],
            "token_type": "Bearer",
            "expires_in": seconds,
            "refresh_token": new["refresh"],
            "re_expires_in": seconds,
            "r1_expires_in": seconds,
            "r2_expires_in": 86400 * 3,
            "w1_expires_in": seconds,
            "w2_expires_in": 1800,
            "taobao_user_id": TAOBAO["seller_id"],
            "taobao_user_nick": quote(TAOBAO["seller_nick"]),
            "taobao_open_uid": self._opaque("open", 0)[:32],
        }

    def _kept(self) -> dict[str, Any]:
        kept = self.world.ledger.recall("taobao", "token")
        if kept is None:
            kept = {
                "n": 0,
                "access": TAOBAO["session"],
                "refresh": TAOBAO["refresh_token"],
                "until": (self.world.now() + LIFE).isoformat(),
            }
            self._keep(kept)
        return kept

    def _keep(self, value: dict[str, Any]) -> None:
        self.world.ledger.remember("taobao", "token", value)

    def _opaque(self, what: str, n: int) -> str:
        return hashlib.sha256(f"{self.world.seed}:{self.world.start}:{what}:{n}".encode()).hexdigest()[:52]


def authorise(tokens: Tokens, request: Request) -> Answer:
    """GET /taobao/authorize: a page with two links, or with ``auto=1`` straight back to the redirect_uri."""
    query = request.query
    back = query.get("redirect_uri", "")
    if query.get("client_id") != TAOBAO["app_key"] or query.get("response_type") != "code":
        return _page("client_id 或 response_type 不正确（1001）")
    if not back.startswith(("http://", "https://")):
        return _page("redirect_uri 不正确")
    sign = "&" if "?" in back else "?"
    state = {"state": query["state"]} if "state" in query else {}
    if query.get("refuse"):
        said = {"error": "access_denied", "error_description": "user refused", **state}
        return Answer(302, b"", headers={"Location": back + sign + urlencode(said)})
    if query.get("auto"):
        return Answer(
            302, b"", headers={"Location": back + sign + urlencode({"code": tokens.code(), **state})}
        )
    here = "/taobao/authorize?" + urlencode(query)
    return Answer(
        200,
        PAGE.format(
            shop=html.escape(TAOBAO["seller_nick"]),
            app=html.escape(TAOBAO["app_key"]),
            yes=html.escape(here + "&auto=1"),
            no=html.escape(here + "&refuse=1"),
        ),
        "text/html; charset=utf-8",
    )


def token(tokens: Tokens, request: Request) -> Answer:
    """POST /taobao/token: code or refresh token against a new pair."""
    form = request.params
    if form.get("client_id") != TAOBAO["app_key"] or form.get("client_secret") != TAOBAO["app_secret"]:
        return Answer(
            400, {"error": "invalid_client", "error_description": "client_id or client_secret is wrong"}
        )
    try:
        match form.get("grant_type"):
            case "authorization_code":
                return Answer(200, tokens.exchange(form.get("code", "")))
            case "refresh_token":
                return Answer(200, tokens.refresh(form.get("refresh_token", "")))
    except BadGrant as error:
        return Answer(400, {"error": "invalid_grant", "error_description": str(error)})
    return Answer(
        400, {"error": "unsupported_grant_type", "error_description": "authorization_code or refresh_token"}
    )


def _page(text: str) -> Answer:
    return Answer(
        400,
        f"<!DOCTYPE html><html lang='zh'><meta charset='utf-8'><p>{text}</p></html>",
        "text/html; charset=utf-8",
    )
