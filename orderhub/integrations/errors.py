"""What a platform's refusal means for us: five kinds, and "unknown" whenever an effect can't be ruled out."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["retry", "reauthorise", "business", "configuration", "unknown"]
KINDS: tuple[str, ...] = get_args(Kind)


class PlatformError(Exception):
    """A call that did not give what was asked for.

    retry: nothing happened, later may work · reauthorise: the shop owner must connect again · business: the
    platform refuses this record · configuration: our settings are wrong, nothing of this kind will work ·
    unknown: the effect may have happened, so ask the platform before repeating.
    """

    def __init__(self, kind: Kind, code: str, message: str, retry_after: float | None = None) -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of platform error {kind!r}")
        super().__init__(f"[{kind}] {code}: {message}")
        self.kind: Kind = kind
        self.code = str(code)[:100]
        self.message = message
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[PlatformError], tuple[str, str, str, float | None]]:
        return type(self), (self.kind, self.code, self.message, self.retry_after)


class Held(PlatformError):
    """We kept the call ourselves: its budget is for something more important, or its breaker is open. Nothing left."""


class Forged(PlatformError):
    """An inbound message whose signature or addressee is not right; nothing in it may be believed."""

    def __init__(
        self,
        kind: Kind = "business",
        code: str = "forged",
        message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(kind, code, message, retry_after)
