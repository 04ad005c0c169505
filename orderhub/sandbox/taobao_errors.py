"""How a TOP method refuses: code, message, sub code and sub message."""

from __future__ import annotations


class Refused(Exception):
    """Becomes an ``error_response``; business refusals have code 15 and a sub code that starts with ``isv.``."""

    def __init__(self, code: int, msg: str, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(f"{code} {msg} {sub_code} {sub_msg}")
        self.code = code
        self.msg = msg
        self.sub_code = sub_code
        self.sub_msg = sub_msg


def business(sub_code: str, sub_msg: str) -> Refused:
    """A refusal of the business behind the gateway."""
    return Refused(15, "Remote service error", sub_code, sub_msg)
