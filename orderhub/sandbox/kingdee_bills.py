"""The books of the sandbox's K3Cloud: which bills exist, in which document status, and what a save must satisfy."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from orderhub.sandbox.frame import beijing, from_beijing

REQUIRED = ("FBillTypeID", "FDATE", "FENDDATE_H", "FCUSTOMERID", "FCURRENCYID", "FSETTLEORGID", "FPAYORGID")
LINES, PLAN = "FEntityDetail", "FEntityPlan"


class Refusal(Exception):
    """A business refusal: `code` is K3Cloud's MsgCode, `errors` are (field, sentence)."""

    def __init__(self, code: int, *errors: tuple[str, str]) -> None:
        super().__init__(errors[0][1] if errors else "")
        self.code, self.errors = code, errors


@dataclass
class Bill:
    id: int
    form: str
    number: str
    status: str
    model: dict[str, Any]
    created: str
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        return sum((line_amount(line) for line in self.lines), Decimal(0))

    def value(self, key: str, line: dict[str, Any] | None = None) -> Any:
        """A field's value as ExecuteBillQuery gives it; KeyError for a field nobody knows."""
        own = {
            "FID": self.id,
            "FBillNo": self.number,
            "FDocumentStatus": self.status,
            "FCreateDate": self.created,
        }
        name, _, part = key.partition(".")
        name = name.removeprefix(f"{LINES}_")
        if name in own:
            return own[name]
        if name == "FALLAMOUNTFOR":
            return float(self.amount)
        for place in (line or {}, self.model, *(v for v in self.model.values() if isinstance(v, dict))):
            if name in place:
                return shown(place[name], part)
        if name in KNOWN:
            return None
        raise KeyError(key)


KNOWN = {
    "FDATE", "FENDDATE_H", "FCUSTOMERID", "FCURRENCYID", "FBillTypeID", "FSETTLEORGID", "FPAYORGID", "FSALEORGID",
    "FAR_Remark", "FEntryID", "FMATERIALID", "FPriceQty", "FTaxPrice", "FALLAMOUNTFOR_D", "FNoTaxAmountFor_D",
    "FTAXAMOUNTFOR_D", "FEntryTaxRate", "FCancelStatus", "FComment", "FBUSINESSTYPE", "FApproveDate", "FModifyDate",
}  # fmt: skip


def shown(value: Any, part: str) -> Any:
    """Base data show their number on request, else an inner id; dates gain their T."""
    if isinstance(value, dict):
        number = next((v for k, v in value.items() if k.lower() in ("fnumber", part.lower())), None)
        return number if part else int(hashlib.sha256(str(number).encode()).hexdigest()[:8], 16)
    text = str(value)
    if len(text) >= 10 and text[4:5] == text[7:8] == "-" and text[:4].isdigit():
        return text[:10] + "T" + (text[11:] or "00:00:00")
    return value


def decimal(value: Any, name: str) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise Refusal(11, (name, f"字段“{name}”的值“{value}”不是有效的数字")) from error


def line_amount(line: dict[str, Any]) -> Decimal:
    if line.get("FALLAMOUNTFOR_D") not in (None, ""):
        return decimal(line["FALLAMOUNTFOR_D"], "FALLAMOUNTFOR_D")
    return decimal(line.get("FPriceQty", 0), "FPriceQty") * decimal(line.get("FTaxPrice", 0), "FTaxPrice")


def blank(value: Any) -> bool:
    if isinstance(value, dict):
        return not any(str(part).strip() for part in value.values())
    return value is None or not str(value).strip()


class Books:
    """All bills of one tenant, addressed by form and number or by inner id."""

    def __init__(self, kept: dict[str, dict[str, Any]] | None = None) -> None:
        """`kept` are the remembered bills of an earlier run, by inner id."""
        self.lock = threading.RLock()
        self.by_id = {int(key): Bill(**row) for key, row in (kept or {}).items()}
        self.bills = {(bill.form, bill.number): bill for bill in self.by_id.values() if bill.form}
        lines = [line["FEntryID"] for bill in self.by_id.values() for line in bill.lines]
        self.entry_id = max(lines, default=500_000)

    def check(self, model: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        errors = [(name, f"字段“{name}”是必填项") for name in REQUIRED if blank(model.get(name))]
        if not lines:
            errors.append((LINES, "单据体“明细”是必填项"))
        for place, line in enumerate(lines, 1):
            errors += [
                (name, f"明细第{place}行字段“{name}”是必填项")
                for name in ("FMATERIALID", "FPRICEUNITID", "FPriceQty")
                if blank(line.get(name))
            ]
        for name in ("FDATE", "FENDDATE_H"):
            try:
                from_beijing((str(model.get(name) or "2000-01-01").replace("T", " ") + " 00:00:00")[:19])
            except ValueError:
                errors.append((name, f"字段“{name}”不是有效的日期"))
        if errors:
            raise Refusal(11, *errors)
        total = sum((line_amount(line) for line in lines), Decimal(0))
        plan = model.get(PLAN)
        if plan:
            planned = sum((decimal(row.get("FPAYAMOUNTFOR", 0), "FPAYAMOUNTFOR") for row in plan), Decimal(0))
            if planned != total:
                raise Refusal(
                    11, ("FPAYAMOUNTFOR", f"收款计划应收金额合计{planned}不等于明细价税合计{total}")
                )

    def save(self, form: str, model: dict[str, Any], delete_lines: bool, draft: bool) -> tuple[Bill, bool]:
        """Create (FID 0) or change a bill; the flag says whether it is new."""
        with self.lock:
            try:
                given = int(model.get("FID") or 0)
            except (TypeError, ValueError) as error:
                raise Refusal(11, ("FID", "字段“FID”不是有效的内码")) from error
            lines = [dict(line) for line in model.get(LINES) or []]
            if given:
                return self.change(form, given, model, lines, delete_lines), False
            number = str(model.get("FBillNo") or "").strip() or f"AR{len(self.by_id) + 1:08d}"
            if (form, number) in self.bills:
                raise Refusal(
                    11, ("FBillNo", f"违反字段唯一性要求：编码唯一。[{number}]在当前系统中已经被使用。")
                )
            if not draft:
                self.check(model, lines)
            bill = Bill(100_001 + len(self.by_id), form, number, "Z" if draft else "A", dict(model), "", [])
            bill.created = beijing(datetime.now(UTC)).replace(" ", "T")
            self.put_lines(bill, lines)
            self.bills[form, number] = self.by_id[bill.id] = bill
            return bill, True

    def change(
        self, form: str, given: int, model: dict[str, Any], lines: list[dict[str, Any]], drop: bool
    ) -> Bill:
        bill = self.by_id.get(given)
        if bill is None or bill.form != form:
            raise Refusal(10, ("FID", f"内码为{given}的单据不存在"))
        if bill.status not in "ZAD":
            raise Refusal(12, ("FDocumentStatus", f"单据“{bill.number}”处于审核流程或已审核，不允许修改"))
        kept = {line["FEntryID"]: line for line in bill.lines}
        merged = [{**kept.get(int(line.get("FEntryID") or 0), {}), **line} for line in lines]
        if not drop:  # IsDeleteEntry false: rows that were not sent stay
            sent = {int(line.get("FEntryID") or 0) for line in lines}
            merged = [line for key, line in kept.items() if key not in sent] + merged
        whole = {**bill.model, **model}
        self.check(whole, merged)
        bill.model = whole
        bill.status = "A" if bill.status == "Z" else bill.status
        self.put_lines(bill, merged)
        return bill

    def put_lines(self, bill: Bill, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if not int(line.get("FEntryID") or 0):
                self.entry_id += 1
                line["FEntryID"] = self.entry_id
        bill.lines = lines

    def find(self, form: str, numbers: list[str], ids: str) -> list[tuple[str, Bill | None]]:
        """What was addressed, in order: (the word used, the bill or None)."""
        found = [(number, self.bills.get((form, number))) for number in numbers]
        for word in filter(None, (part.strip() for part in str(ids or "").split(","))):
            bill = self.by_id.get(int(word)) if word.isdigit() else None
            found.append((word, bill if bill and bill.form == form else None))
        return found

    def step(self, bill: Bill, allowed: str, then: str, verb: str) -> None:
        with self.lock:
            if bill.status not in allowed:
                raise Refusal(
                    12, ("FDocumentStatus", f"单据“{bill.number}”当前状态为{bill.status}，不能{verb}")
                )
            if then:
                bill.status = then
            else:
                del self.bills[bill.form, bill.number]
                self.by_id[bill.id] = Bill(bill.id, "", "", "X", {}, "")
