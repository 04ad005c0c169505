"""Who may call Douyin: the owner's page, one-use codes, tokens of a week, refresh tokens of two that are good once."""

from __future__ import annotations

import hashlib
import html
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.douyin_errors import Refused, missing
from orderhub.sandbox.frame import Answer, Request
from orderhub.sandbox.world import World

LIFE, REFRESH_LIFE = timedelta(days=7), timedelta(days=14)
CODE_LIFE = timedelta(minutes=10)
LAST_HOUR = timedelta(hours=1)
OLD_LIVES_ON = timedelta(minutes=1)
PAGE = """<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>抖店授权（沙箱）</title>
<style>body{{font-family:sans-serif;margin:4rem auto;max-width:28rem;text-align:center}}
a{{display:inline-block;padding:.7rem 2rem;margin:.5rem;border-radius:.4rem;text-decoration:none}}
.yes{{background:#161823;color:#fff}}.no{{color:#666}}</style></head><body><h1>抖店授权（沙箱）</h1>
<p>店铺 <b>{shop}</b> 订购并授权服务 <b>{service}</b>？</p>
<p><a class="yes" id="agree" href="{yes}">立即授权</a><a class="no" id="refuse" href="{no}">拒绝</a></p></body></html>"""


class Tokens:
    """The tokens of the one shop; kept in the ledger's memory, so that a restart does not log anybody out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._codes: dict[str, datetime] = {}
        self._made = 0

    def check(self, token: str) -> None:
        """Refused, unless this access token is in force."""
        kept, now = self._kept(), self.world.now()
        if not token or token not in (kept["access"], kept["old"]):
            raise Refused(40003, "参数错误", "isv.access-token-no-existed", "access_token不存在，请重新授权")
        until = kept["until"] if token == kept["access"] else kept["old_until"]
        if datetime.fromisoformat(until) <= now:
            raise Refused(40003, "参数错误", "isv.access-token-expired", "access_token已过期")

    def expire(self) -> None:
        """End the access tokens in force; the refresh token stays good."""
        past = (self.world.now() - timedelta(seconds=1)).isoformat()
        with self.world.lock:
            self._keep({**self._kept(), "until": past, "old_until": past})

    def revoke(self) -> None:
        """End everything: only a new authorisation helps."""
        past = datetime(2000, 1, 1, tzinfo=UTC).isoformat()
        with self.world.lock:
            self._keep({**self._kept(), "until": past, "old_until": past, "refresh_until": past})

    def code(self) -> str:
        with self.world.lock:
            self._made += 1
            code = self._opaque("code", self._made)[:32]
            self._codes[code] = self.world.now() + CODE_LIFE
            return code

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """token.create: a code of the owner's page, or the shop of a self-used app."""
        match asked.get("grant_type"):
            case "authorization_code":
                with self.world.lock:
                    until = self._codes.pop(str(asked.get("code") or ""), None)
                    if until is None or until < self.world.now():
                        raise _no_token("code无效、已使用或已过期")
                    return self._renew()
            case "authorization_self":
                if asked.get("shop_id") != DOUYIN["shop_id"] and asked.get("test_shop") != "1":
                    raise _no_token("店铺与自用型应用不匹配")
                return self._given_or_renewed()
        raise missing("grant_type")

    def refresh(self, asked: dict[str, Any]) -> dict[str, Any]:
        """token.refresh: in the last hour a new pair (the old token lives on for a moment), before it the same."""
        if asked.get("grant_type") != "refresh_token":
            raise missing("grant_type")
        with self.world.lock:
            kept, token = self._kept(), asked.get("refresh_token")
            good = datetime.fromisoformat(kept["refresh_until"]) > self.world.now()
            if not token or token != kept["refresh"] or not good:
                raise _no_token("refresh_token无效或已过期，请重新授权")
            return self._given_or_renewed()

    def _given_or_renewed(self) -> dict[str, Any]:
        with self.world.lock:
            kept = self._kept()
            if datetime.fromisoformat(kept["until"]) - self.world.now() > LAST_HOUR:
                return self._face(kept)
            return self._renew()

    def _renew(self) -> dict[str, Any]:
        kept, now = self._kept(), self.world.now()
        n = kept["n"] + 1
        new = {
            "n": n,
            "access": self._opaque("access", n),
            "refresh": self._opaque("refresh", n),
            "until": (now + LIFE).isoformat(),
            "refresh_until": (now + REFRESH_LIFE).isoformat(),
            "old": kept["access"],
            "old_until": min(datetime.fromisoformat(kept["until"]), now + OLD_LIVES_ON).isoformat(),
        }
        self._keep(new)
        return self._face(new)

    def _face(self, kept: dict[str, Any]) -> dict[str, Any]:
        left = datetime.fromisoformat(kept["until"]) - self.world.now()
        return {
            "access_token": kept["access"],
            "expires_in": int(left.total_seconds()),
            "refresh_token": kept["refresh"],
            "scope": "SCOPE",
            "shop_id": int(DOUYIN["shop_id"]),
            "shop_name": DOUYIN["shop_name"],
            "authority_id": "",
            "auth_subject_type": "",
        }

    def _kept(self) -> dict[str, Any]:
        kept = self.world.ledger.recall("douyin", "token")
        if kept is None:
            now = self.world.now()
            kept = {
                "n": 0,
                "access": DOUYIN["access_token"],
                "refresh": DOUYIN["refresh_token"],
                "until": (now + LIFE).isoformat(),
                "refresh_until": (now + REFRESH_LIFE).isoformat(),
                "old": "",
                "old_until": now.isoformat(),
            }
            self._keep(kept)
        return kept

    def _keep(self, value: dict[str, Any]) -> None:
        self.world.ledger.remember("douyin", "token", value)

    def _opaque(self, what: str, n: int) -> str:
        text = f"{self.world.seed}:{self.world.start}:douyin:{what}:{n}"
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def _no_token(why: str) -> Refused:
    return Refused(50001, "服务处理失败", "dop.token-generate-failed:30001", why)


def authorise(tokens: Tokens, request: Request) -> Answer:
    """GET /douyin/authorize: a page with two links, or with ``auto=1`` straight back to the app's own address.

    The address of the return is registered with the app and never travels; the sandbox's is the product's.
    """
    query = request.query
    if query.get("service_id") != DOUYIN["service_id"]:
        return Answer(400, "<!DOCTYPE html><p>service_id 不正确</p>", "text/html; charset=utf-8")
    back = f"{tokens.world.target}{DOUYIN['return_path']}"
    state = {"state": query["state"]} if "state" in query else {}
    if query.get("auto"):
        return Answer(302, b"", headers={"Location": f"{back}?{urlencode({'code': tokens.code(), **state})}"})
    if query.get("refuse"):
        return Answer(302, b"", headers={"Location": f"{back}?{urlencode({'error': 'refused', **state})}"})
    here = "/douyin/authorize?" + urlencode(query)
    page = PAGE.format(
        shop=html.escape(DOUYIN["shop_name"]),
        service=html.escape(DOUYIN["service_id"]),
        yes=html.escape(here + "&auto=1"),
        no=html.escape(here + "&refuse=1"),
    )
    return Answer(200, page, "text/html; charset=utf-8")
