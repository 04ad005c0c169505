"""Whether our signers make what a file of vectors expects.

A vector agrees when the signer chosen for it makes what is expected; one marked "differ" agrees when it does
not. Vectors of platforms or algorithms that are not built are listed, never counted as right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orderhub.integrations import signing_rsa
from orderhub.integrations.signing_table import SIGNERS, Inputs, Signer, given, plain


@dataclass
class Result:
    """What came of one file."""

    agree: list[str] = field(default_factory=list)
    disagree: list[dict[str, Any]] = field(default_factory=list)
    not_built: list[dict[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.disagree


def choose(platform: str, algorithm: str, inputs: Inputs) -> Signer | None:
    """The signer for a vector; None where platform or algorithm is not built."""
    wanted = plain(platform)
    fitting = [
        (signer.score(algorithm, inputs), signer) for signer in SIGNERS if plain(signer.platform) == wanted
    ]
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
        _one(
            vector, str(vector.get("id", index)) if isinstance(vector, Mapping) else str(index), keys, result
        )
    return result


def _one(vector: Any, name: str, keys: dict[str, str], result: Result) -> None:
    if not isinstance(vector, Mapping) or not isinstance(vector.get("inputs"), Mapping):
        result.disagree.append({"id": name, "error": "not a vector: no inputs"})
        return
    platform, algorithm = str(vector.get("platform", "")), str(vector.get("algorithm", ""))
    inputs = {
        key: keys.get(key, value) if key.endswith("_pem") and "-----BEGIN" not in str(value) else value
        for key, value in vector["inputs"].items()
    }
    signer = choose(platform, algorithm, inputs)
    if signer is None:
        result.not_built.append({"id": name, "platform": platform, "algorithm": algorithm})
        return
    differ = vector.get("expect") == "differ"
    expected = vector.get("expected")
    try:
        made = signer.make(inputs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        result.disagree.append(
            {"id": name, "signer": signer.name, "error": str(error) or type(error).__name__}
        )
        return
    equal = agrees(made, expected)
    if not equal and signer.name == "alipay" and not differ:
        equal = _alipay_verifies(inputs, expected)
    if equal is not differ:
        result.agree.append(name)
        return
    result.disagree.append(
        {
            "id": name,
            "signer": signer.name,
            "made": made,
            "expected": expected,
            **({"expect": "differ"} if differ else {}),
        }
    )


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
    params = {**given(inputs, "params"), "sign": expected.get("sign", "")}
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
