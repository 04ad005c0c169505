"""Which signer a test vector is about: chosen by platform, words of the algorithm text and names of the inputs.

A vector agrees when our signer makes what is expected; one marked "differ" agrees when it does not. Vectors
of platforms or algorithms that are not built are listed, never counted as right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
        keys = {_plain(key) for key in inputs}
        if any(need not in keys for need in self.needs):
            return 0
        text = algorithm.lower()
        if self.words and not any(word in text for word in self.words):
            return 0
        return 1 + 2 * len(self.needs) + 3 * bool(self.words)


@dataclass
class Result:
    """What came of one file."""

    agree: list[str] = field(default_factory=list)
    disagree: list[dict[str, Any]] = field(default_factory=list)
    not_built: list[dict[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.disagree


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _get(inputs: Inputs, *names: str, default: Any = None) -> Any:
    """An input by any of its usual names (appSecret, app_secret, APPSECRET are one)."""
    plain = {_plain(key): value for key, value in inputs.items()}
    for name in names:
        if _plain(name) in plain:
            return plain[_plain(name)]
    if default is not None:
        return default
    raise MissingInput(f"the vector has no {names[0]}")


def _secret(inputs: Inputs) -> str:
    return str(_get(inputs, "secret", "app_secret", "appsecret", "client_secret", "key"))


def _top(inputs: Inputs) -> str:
    params = _get(inputs, "params")
    return signing.top(_secret(inputs), params, str(params.get("sign_method", "md5")))


def _flagship(inputs: Inputs) -> str:
    secret = str(_get(inputs, "secret", default="")) or str(_get(inputs, "appsecret_as_issued", "appsecret"))
    return signing.wdt_flagship(secret.split(":")[0], _get(inputs, "params"), inputs.get("body"))


def _wdt_qimen(inputs: Inputs) -> str:
    return signing.wdt_qimen(str(_get(inputs, "wdt_secret", "secret", "appsecret")), str(_get(inputs, "method")),
                             _get(inputs, "params"))


def _zto(inputs: Inputs) -> str:
    return signing.zto(_secret(inputs), str(_get(inputs, "body")), str(_get(inputs, "timestamp", default="") or ""))


def _kingdee(inputs: Inputs) -> dict[str, Any]:
    return {
        **signing_kingdee.signed_headers(
            acct_id=str(_get(inputs, "acctId")), user_name=str(_get(inputs, "userName", "user")),
            app_id=str(_get(inputs, "appId")), app_secret=str(_get(inputs, "appSecret")),
            lcid=_get(inputs, "lcid", default=2052), org_num=_get(inputs, "orgNum", default=0),
            url=str(_get(inputs, "url", "path")), unix_time=int(_get(inputs, "unix_time", "timestamp")),
            nonce=str(_get(inputs, "nonce")),
        )
    }


def _kingdee_login(inputs: Inputs) -> str:
    return signing_kingdee.login_sign(str(_get(inputs, "acctId")), str(_get(inputs, "userName", "user")),
                                      str(_get(inputs, "appId")), str(_get(inputs, "appSecret")),
                                      _get(inputs, "timestamp"))


def _alipay(inputs: Inputs) -> dict[str, Any]:
    params = {name: value for name, value in _get(inputs, "params").items() if name not in ("sign", "sign_type")}
    text = signing_rsa.alipay_text(params)
    return {"sign": signing_rsa.rsa_sign(str(_get(inputs, "private_key_pem", "private_key")), text),
            "string_to_sign": text}


def _alipay_request(inputs: Inputs) -> dict[str, Any]:
    text = signing_rsa.alipay_text(_get(inputs, "params"), drop=("sign",), keep_empty=False)
    return {"sign": signing_rsa.rsa_sign(str(_get(inputs, "private_key_pem", "private_key")), text),
            "string_to_sign": text}


def _wechat_notify(inputs: Inputs) -> dict[str, Any]:
    body = str(_get(inputs, "body"))
    key = str(_get(inputs, "platform_public_key_pem", "public_key_pem"))
    return {"signature_valid": signing_rsa.wechatpay_notify_valid(key, _get(inputs, "headers"), body),
            "decrypted": signing_rsa.wechatpay_decrypt(str(_get(inputs, "api_v3_key")), body)}


def _wechat_request(inputs: Inputs) -> str:
    return signing_rsa.wechatpay_authorization(
        str(_get(inputs, "private_key_pem")), method=str(_get(inputs, "method")), path=str(_get(inputs, "path", "url")),
        mchid=str(_get(inputs, "mchid")), serial_no=str(_get(inputs, "serial_no")),
        nonce=str(_get(inputs, "nonce_str", "nonce")), timestamp=str(_get(inputs, "timestamp")),
        body=str(inputs.get("body", "")))


def _dingtalk(inputs: Inputs) -> dict[str, Any]:
    from urllib.parse import quote

    raw = signing.dingtalk(_secret(inputs), str(_get(inputs, "timestamp")))
    return {"raw_base64": raw, "urlencoded": quote(raw, safe="")}


def _douyin(inputs: Inputs) -> str:
    return signing.douyin(_secret(inputs), str(_get(inputs, "app_key")), str(_get(inputs, "method")),
                          str(_get(inputs, "param_json")), str(_get(inputs, "timestamp")),
                          str(_get(inputs, "v", default="2")), str(_get(inputs, "sign_method", default="hmac-sha256")))


#: The best score wins; within a platform the words of the algorithm text come before the names of the inputs.
SIGNERS: tuple[Signer, ...] = (
    Signer("taobao", "taobao", _top, ("top", "sign_method", "md5", "hmac"), ("params",)),
    Signer("pinduoduo", "pinduoduo", lambda i: signing.pinduoduo(_secret(i), _get(i, "params")), (), ("params",)),
    Signer("douyin", "douyin", _douyin, (), ("paramjson",)),
    Signer("douyin event", "douyin", lambda i: signing.douyin_event(
        str(_get(i, "app_key")), _secret(i), str(_get(i, "body"))), ("event", "push", "message"), ("body",)),
    Signer("wangdiantong flagship", "wangdiantong", _flagship, ("旗舰", "flagship", "qjb"), ("params",)),
    Signer("wangdiantong enterprise", "wangdiantong", lambda i: signing.wdt_enterprise(
        str(_get(i, "appsecret", "secret")), _get(i, "params")),
        ("企业", "enterprise", "qyb", "length-prefixed"), ("params",)),
    Signer("wangdiantong customised qimen", "wangdiantong", _wdt_qimen, ("奇门", "wdt_sign", "qimen"),
           ("method", "params")),
    Signer("zto", "zto", _zto, (), ("body",)),
    Signer("zto sha256", "zto", lambda i: signing.zto_sha256(_secret(i), str(_get(i, "body"))),
           ("(sha256", "sha-256", "=sha256"), ("body",)),
    Signer("zto hmac", "zto", lambda i: signing.zto_hmac(
        str(_get(i, "appSecret", "secret")), str(_get(i, "secretKey")), str(_get(i, "body"))), (), ("body", "secretkey")),
    Signer("zto legacy form", "zto", lambda i: signing.zto(
        str(_get(i, "key", "secret", "appSecret")), str(_get(i, "string_to_digest"))), (), ("stringtodigest",)),
    Signer("kuaidi100 query", "kuaidi100", lambda i: signing.kuaidi100_query(
        str(_get(i, "param")), str(_get(i, "key")), str(_get(i, "customer"))), (), ("param", "key", "customer")),
    Signer("kuaidi100 callback", "kuaidi100", lambda i: signing.kuaidi100_callback(
        str(_get(i, "param")), str(_get(i, "salt"))), (), ("param", "salt")),
    Signer("kuaidi100 label", "kuaidi100", lambda i: signing.kuaidi100_label(
        str(_get(i, "param")), str(_get(i, "t")), str(_get(i, "key")), str(_get(i, "secret"))), (),
        ("param", "t", "key", "secret")),
    Signer("kingdee signed headers", "kingdee", _kingdee, ("header",), ("acctid", "appid", "appsecret")),
    Signer("kingdee login by sign", "kingdee", _kingdee_login, ("loginbysign", "login by sign", "sha256(concat"),
           ("acctid", "appid", "appsecret", "timestamp")),
    Signer("dingtalk", "dingtalk", _dingtalk, (), ("secret", "timestamp")),
    Signer("feishu", "feishu", lambda i: signing.feishu(_secret(i), str(_get(i, "timestamp"))), (),
           ("secret", "timestamp")),
    Signer("amap", "amap", lambda i: signing.amap(str(_get(i, "private_key", "secret")), _get(i, "params")), (),
           ("params",)),
    Signer("alipay", "alipay", _alipay, (), ("params",)),
    Signer("alipay request", "alipay", _alipay_request, ("request", "gateway"), ("params",)),
    Signer("wechatpay notify", "wechatpay", _wechat_notify, ("notify", "verify"), ("headers", "body")),
    Signer("wechatpay request", "wechatpay", _wechat_request, ("authorization", "request"), ("method", "mchid")),
    Signer("aliyun rpc v1", "aliyun-sms", lambda i: signing.aliyun_rpc(
        str(_get(i, "access_key_secret", "secret")), _get(i, "params"), str(_get(i, "http_method", default="POST"))),
        ("rpc", "hmac-sha1"), ("params",)),
    Signer("qimen", "qimen", lambda i: signing.qimen(_secret(i), _get(i, "params"), str(_get(i, "body"))), (),
           ("params", "body")),
)


def choose(platform: str, algorithm: str, inputs: Inputs) -> Signer | None:
    """The signer for a vector; None where platform or algorithm is not built."""
    wanted = _plain(platform)
    fitting = [(signer.score(algorithm, inputs), signer) for signer in SIGNERS if _plain(signer.platform) == wanted]
    best = max(fitting, key=lambda pair: pair[0], default=(0, None))
    return best[1] if best[0] else None


def check(document: Mapping[str, Any]) -> Result:
    """Every vector of a parsed file; ValueError when it has no list of vectors."""
    vectors = document.get("vectors") if isinstance(document, Mapping) else None
    if not isinstance(vectors, list):
        raise ValueError('the file has no list "vectors"')
    keys = _shared_keys(vectors)
    result = Result()
    for index, vector in enumerate(vectors):
        _one(vector, str(vector.get("id", index)) if isinstance(vector, Mapping) else str(index), keys, result)
    return result


def _one(vector: Any, name: str, keys: dict[str, str], result: Result) -> None:
    if not isinstance(vector, Mapping) or not isinstance(vector.get("inputs"), Mapping):
        result.disagree.append({"id": name, "error": "not a vector: no inputs"})
        return
    platform, algorithm = str(vector.get("platform", "")), str(vector.get("algorithm", ""))
    inputs = {key: keys.get(key, value) if key.endswith("_pem") and "-----BEGIN" not in str(value) else value
              for key, value in vector["inputs"].items()}
    signer = choose(platform, algorithm, inputs)
    if signer is None:
        result.not_built.append({"id": name, "platform": platform, "algorithm": algorithm})
        return
    differ = vector.get("expect") == "differ"
    expected = vector.get("expected")
    try:
        made = signer.make(inputs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        result.disagree.append({"id": name, "signer": signer.name, "error": str(error) or type(error).__name__})
        return
    equal = agrees(made, expected)
    if not equal and signer.name == "alipay" and not differ:
        equal = _alipay_verifies(inputs, expected)
    if equal is not differ:
        result.agree.append(name)
        return
    result.disagree.append({"id": name, "signer": signer.name, "made": made, "expected": expected,
                            **({"expect": "differ"} if differ else {})})


def agrees(made: str | dict[str, Any], expected: Any) -> bool:
    """Whether what was made is what is expected: exact text, or every expected field (names in any case)."""
    if isinstance(expected, Mapping):
        if not isinstance(made, dict) or not expected:
            return False
        found = {name.lower(): value for name, value in made.items()}
        return all(found.get(name.lower(), ...) == value for name, value in expected.items())
    if isinstance(made, dict):
        return expected in made.values()
    return made == expected


def _alipay_verifies(inputs: Inputs, expected: Any) -> bool:
    """Without the right private key in the file, the expected signature must at least verify and match its text."""
    public = inputs.get("public_key_pem")
    if inputs.get("private_key_pem") or not public or not isinstance(expected, Mapping):
        return False
    params = {**_get(inputs, "params"), "sign": expected.get("sign", "")}
    return signing_rsa.alipay_notify_valid(str(public), params)


def _shared_keys(vectors: list[Any]) -> dict[str, str]:
    """Key material that one vector spells out and others refer to ("see the alipay vector")."""
    keys: dict[str, str] = {}
    for vector in vectors:
        inputs = vector.get("inputs") if isinstance(vector, Mapping) else None
        for name, value in (inputs or {}).items() if isinstance(inputs, Mapping) else ():
            if name.endswith("_pem") and "-----BEGIN" in str(value):
                keys.setdefault(name, str(value))
    return keys
