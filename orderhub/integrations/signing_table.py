"""The signers that a test vector may be about, each with the platform, words and inputs by which it is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orderhub.integrations import signing, signing_kingdee, signing_rsa

Inputs = Mapping[str, Any]


class MissingInput(ValueError):
    """The vector lacks an input that its algorithm needs."""


@dataclass(frozen=True)
class Signer:
    """One algorithm: `fits(platform text, inputs)` after the platform matched; `make` returns text or fields."""

    name: str
    platform: str
    make: Callable[[Inputs], str | dict[str, Any]]
    words: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def score(self, algorithm: str, inputs: Inputs) -> int:
        """How well this signer fits; 0 for not at all."""
        keys = {plain(key) for key in inputs}
        if any(need not in keys for need in self.needs):
            return 0
        text = algorithm.lower()
        if self.words and not any(word in text for word in self.words):
            return 0
        return 1 + 2 * len(self.needs) + 3 * bool(self.words)


def plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def given(inputs: Inputs, *names: str, default: Any = None) -> Any:
    """An input by any of its usual names (appSecret, app_secret, APPSECRET are one)."""
    known = {plain(key): value for key, value in inputs.items()}
    for name in names:
        if plain(name) in known:
            return known[plain(name)]
    if default is not None:
        return default
    raise MissingInput(f"the vector has no {names[0]}")


def _secret(inputs: Inputs) -> str:
    return str(given(inputs, "secret", "app_secret", "appsecret", "client_secret", "key"))


def _top(inputs: Inputs) -> str:
    params = given(inputs, "params")
    return signing.top(_secret(inputs), params, str(params.get("sign_method", "md5")))


def _flagship(inputs: Inputs) -> str:
    secret = str(given(inputs, "secret", default="")) or str(
        given(inputs, "appsecret_as_issued", "appsecret")
    )
    return signing.wdt_flagship(secret.split(":")[0], given(inputs, "params"), inputs.get("body"))


def _wdt_qimen(inputs: Inputs) -> str:
    return signing.wdt_qimen(
        str(given(inputs, "wdt_secret", "secret", "appsecret")),
        str(given(inputs, "method")),
        given(inputs, "params"),
    )


def _zto(inputs: Inputs) -> str:
    return signing.zto(
        _secret(inputs), str(given(inputs, "body")), str(given(inputs, "timestamp", default="") or "")
    )


def _kingdee(inputs: Inputs) -> dict[str, Any]:
    return {
        **signing_kingdee.signed_headers(
            acct_id=str(given(inputs, "acctId")),
            user_name=str(given(inputs, "userName", "user")),
            app_id=str(given(inputs, "appId")),
            app_secret=str(given(inputs, "appSecret")),
            lcid=given(inputs, "lcid", default=2052),
            org_num=given(inputs, "orgNum", default=0),
            url=str(given(inputs, "url", "path")),
            unix_time=int(given(inputs, "unix_time", "timestamp")),
            nonce=str(given(inputs, "nonce")),
        )
    }


def _kingdee_login(inputs: Inputs) -> str:
    return signing_kingdee.login_sign(
        str(given(inputs, "acctId")),
        str(given(inputs, "userName", "user")),
        str(given(inputs, "appId")),
        str(given(inputs, "appSecret")),
        given(inputs, "timestamp"),
    )


def _alipay(inputs: Inputs) -> dict[str, Any]:
    params = {
        name: value for name, value in given(inputs, "params").items() if name not in ("sign", "sign_type")
    }
    text = signing_rsa.alipay_text(params)
    return {
        "sign": signing_rsa.rsa_sign(str(given(inputs, "private_key_pem", "private_key")), text),
        "string_to_sign": text,
    }


def _alipay_request(inputs: Inputs) -> dict[str, Any]:
    text = signing_rsa.alipay_text(given(inputs, "params"), drop=("sign",), keep_empty=False)
    return {
        "sign": signing_rsa.rsa_sign(str(given(inputs, "private_key_pem", "private_key")), text),
        "string_to_sign": text,
    }


def _wechat_notify(inputs: Inputs) -> dict[str, Any]:
    body = str(given(inputs, "body"))
    key = str(given(inputs, "platform_public_key_pem", "public_key_pem"))
    return {
        "signature_valid": signing_rsa.wechatpay_notify_valid(key, given(inputs, "headers"), body),
        "decrypted": signing_rsa.wechatpay_decrypt(str(given(inputs, "api_v3_key")), body),
    }


def _wechat_request(inputs: Inputs) -> str:
    return signing_rsa.wechatpay_authorization(
        str(given(inputs, "private_key_pem")),
        method=str(given(inputs, "method")),
        path=str(given(inputs, "path", "url")),
        mchid=str(given(inputs, "mchid")),
        serial_no=str(given(inputs, "serial_no")),
        nonce=str(given(inputs, "nonce_str", "nonce")),
        timestamp=str(given(inputs, "timestamp")),
        body=str(inputs.get("body", "")),
    )


def _dingtalk(inputs: Inputs) -> dict[str, Any]:
    from urllib.parse import quote

    raw = signing.dingtalk(_secret(inputs), str(given(inputs, "timestamp")))
    return {"raw_base64": raw, "urlencoded": quote(raw, safe="")}


def _douyin(inputs: Inputs) -> str:
    """The text is taken apart and written anew, so that a vector holds the canonical form as well."""
    return signing.douyin(
        _secret(inputs),
        str(given(inputs, "app_key")),
        str(given(inputs, "method")),
        signing.douyin_json(json.loads(str(given(inputs, "param_json")))),
        str(given(inputs, "timestamp")),
        str(given(inputs, "v", default="2")),
        str(given(inputs, "sign_method", default="hmac-sha256")),
    )


#: The best score wins; within a platform the words of the algorithm text come before the names of the inputs.
SIGNERS: tuple[Signer, ...] = (
    Signer("taobao", "taobao", _top, ("top", "sign_method", "md5", "hmac"), ("params",)),
    Signer(
        "pinduoduo", "pinduoduo", lambda i: signing.pinduoduo(_secret(i), given(i, "params")), (), ("params",)
    ),
    Signer("douyin", "douyin", _douyin, (), ("paramjson",)),
    Signer(
        "douyin event",
        "douyin",
        lambda i: signing.douyin_event(str(given(i, "app_key")), _secret(i), str(given(i, "body"))),
        ("event", "push", "message"),
        ("body",),
    ),
    Signer("wangdiantong flagship", "wangdiantong", _flagship, ("旗舰", "flagship", "qjb"), ("params",)),
    Signer(
        "wangdiantong enterprise",
        "wangdiantong",
        lambda i: signing.wdt_enterprise(str(given(i, "appsecret", "secret")), given(i, "params")),
        ("企业", "enterprise", "qyb", "length-prefixed"),
        ("params",),
    ),
    Signer(
        "wangdiantong customised qimen",
        "wangdiantong",
        _wdt_qimen,
        ("奇门", "wdt_sign", "qimen"),
        ("method", "params"),
    ),
    Signer("zto", "zto", _zto, (), ("body",)),
    Signer(
        "zto sha256",
        "zto",
        lambda i: signing.zto_sha256(_secret(i), str(given(i, "body"))),
        ("(sha256", "sha-256", "=sha256"),
        ("body",),
    ),
    Signer(
        "zto hmac",
        "zto",
        lambda i: signing.zto_hmac(
            str(given(i, "appSecret", "secret")), str(given(i, "secretKey")), str(given(i, "body"))
        ),
        (),
        ("body", "secretkey"),
    ),
    Signer(
        "zto legacy form",
        "zto",
        lambda i: signing.zto(str(given(i, "key", "secret", "appSecret")), str(given(i, "string_to_digest"))),
        (),
        ("stringtodigest",),
    ),
    Signer(
        "kuaidi100 query",
        "kuaidi100",
        lambda i: signing.kuaidi100_query(
            str(given(i, "param")), str(given(i, "key")), str(given(i, "customer"))
        ),
        (),
        ("param", "key", "customer"),
    ),
    Signer(
        "kuaidi100 callback",
        "kuaidi100",
        lambda i: signing.kuaidi100_callback(str(given(i, "param")), str(given(i, "salt"))),
        (),
        ("param", "salt"),
    ),
    Signer(
        "kuaidi100 label",
        "kuaidi100",
        lambda i: signing.kuaidi100_label(
            str(given(i, "param")), str(given(i, "t")), str(given(i, "key")), str(given(i, "secret"))
        ),
        (),
        ("param", "t", "key", "secret"),
    ),
    Signer("kingdee signed headers", "kingdee", _kingdee, ("header",), ("acctid", "appid", "appsecret")),
    Signer(
        "kingdee login by sign",
        "kingdee",
        _kingdee_login,
        ("loginbysign", "login by sign", "sha256(concat"),
        ("acctid", "appid", "appsecret", "timestamp"),
    ),
    Signer("dingtalk", "dingtalk", _dingtalk, (), ("secret", "timestamp")),
    Signer(
        "feishu",
        "feishu",
        lambda i: signing.feishu(_secret(i), str(given(i, "timestamp"))),
        (),
        ("secret", "timestamp"),
    ),
    Signer(
        "amap",
        "amap",
        lambda i: signing.amap(str(given(i, "private_key", "secret")), given(i, "params")),
        (),
        ("params",),
    ),
    Signer("alipay", "alipay", _alipay, (), ("params",)),
    Signer("alipay request", "alipay", _alipay_request, ("request", "gateway"), ("params",)),
    Signer("wechatpay notify", "wechatpay", _wechat_notify, ("notify", "verify"), ("headers", "body")),
    Signer(
        "wechatpay request", "wechatpay", _wechat_request, ("authorization", "request"), ("method", "mchid")
    ),
    Signer(
        "aliyun rpc v1",
        "aliyun-sms",
        lambda i: signing.aliyun_rpc(
            str(given(i, "access_key_secret", "secret")),
            given(i, "params"),
            str(given(i, "http_method", default="POST")),
        ),
        ("rpc", "hmac-sha1"),
        ("params",),
    ),
    Signer(
        "qimen",
        "qimen",
        lambda i: signing.qimen(_secret(i), given(i, "params"), str(given(i, "body"))),
        (),
        ("params", "body"),
    ),
)
