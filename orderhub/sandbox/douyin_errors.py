"""How a Douyin method refuses: main code, message, sub code and sub message; always with HTTP 200."""

from __future__ import annotations


class Refused(Exception):
    """Becomes an answer whose code is not 10000."""

    def __init__(self, code: int, msg: str, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(f"{code} {msg} {sub_code} {sub_msg}")
        self.code = code
        self.msg = msg
        self.sub_code = sub_code
        self.sub_msg = sub_msg


def missing(name: str) -> Refused:
    """A parameter that has to be there is not."""
    return Refused(40001, "缺少参数", f"isv.missing-parameter:{name}", f"参数 {name} 不能为空")


def wrong(name: str, why: str) -> Refused:
    """A parameter whose value cannot be."""
    return Refused(40004, "业务参数不合法", f"isv.parameter-invalid:{name}", why)


def business(number: int, why: str) -> Refused:
    """A refusal of the business behind the gateway, by its number."""
    return Refused(50002, "业务处理失败", f"isv.business-failed:{number}", why)
