"""Labels of carriers whose number we hold: PDF pages of 100 × 180 mm or 76 × 130 mm, Code 128, Chinese text.

A platform's own e-waybill is never drawn here: its print data goes to its print component unopened. What draws is loaded
when the first label is drawn: most processes never do.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

#: A millimetre in points, as PDF measures.
mm = 72 / 25.4
SIZES = {"100x180": (100 * mm, 180 * mm), "76x130": (76 * mm, 130 * mm)}
FONT = "NotoSansCJKsc"
FONT_FILE = settings.BASE_DIR / "static" / "fonts" / "NotoSansCJKsc-GBK.ttf"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody on a label."""

    name: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says."""

    number: str
    waybill_no: str
    carrier: str
    sort_code: str
    bag: str
    receiver: Party
    sender: Party
    goods: list[str] = field(default_factory=list)
    copy: int = 1


@cache
def _font() -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(FONT, str(FONT_FILE)))
    return FONT


def draw(labels: Iterable[Label], size: str = "100x180") -> bytes:
    """A PDF with one page a label. KeyError for a size that is not in SIZES."""
    from reportlab.pdfgen.canvas import Canvas

    width, height = SIZES[size]
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(width, height))
    canvas.setTitle("OrderHub labels")
    for label in labels:
        _page(canvas, label, width, height)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def wrap(text: str, points: float, width: float, most: int) -> list[str]:
    """The text in lines of at most `width`, broken anywhere (Chinese has no blanks), at most `most` lines."""
    from reportlab.pdfbase import pdfmetrics

    font = _font()
    lines, line = [], ""
    for char in " ".join(text.split()):
        if line and pdfmetrics.stringWidth(line + char, font, points) > width:
            lines.append(line)
            line = ""
        line += char
    lines = [*lines, line] if line else lines
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines


def _page(canvas: Canvas, label: Label, width: float, height: float) -> None:
    """Everything is placed in shares of the page, so that both sizes are one layout."""
    edge, inner, big = 3 * mm, width - 6 * mm, height / (180 * mm)

    def text(x: float, y: float, said: str, points: float, most: int = 1, room: float | None = None) -> float:
        canvas.setFont(_font(), points)
        for line in wrap(said, points, room or inner - x + edge, most):
            canvas.drawString(x, y, line)
            y -= points * 1.25
        return y

    def rule(y: float) -> None:
        canvas.setLineWidth(0.6)
        canvas.line(edge, y, width - edge, y)

    top = height - 9 * mm * big
    text(edge, top, label.carrier, 18 * big)
    canvas.setFont(_font(), 8 * big)
    canvas.drawRightString(width - edge, top, label.number + (f"  #{label.copy}" if label.copy > 1 else ""))
    rule(top - 4 * mm * big)
    text(edge, top - 16 * mm * big, label.sort_code, 30 * big, room=inner)
    text(edge, top - 24 * mm * big, label.bag, 13 * big)
    rule(top - 28 * mm * big)
    _barcode(canvas, label.waybill_no, top - 48 * mm * big, 16 * mm * big, width)
    canvas.setFont(_font(), 12 * big)
    canvas.drawCentredString(width / 2, top - 53 * mm * big, label.waybill_no)
    rule(top - 57 * mm * big)
    y = text(edge, top - 64 * mm * big, f"收  {label.receiver.name}  {label.receiver.phone}", 14 * big)
    y = text(edge, y - 1 * mm, label.receiver.address, 12.5 * big, most=3)
    rule(min(y, top - 86 * mm * big))
    y = min(y, top - 86 * mm * big) - 5 * mm * big
    y = text(edge, y, f"寄  {label.sender.name}  {label.sender.phone}", 9 * big)
    y = text(edge, y, label.sender.address, 9 * big, most=2)
    rule(y)
    y -= 5 * mm * big
    for line in label.goods[:8]:
        y = text(edge, y, line, 9 * big)
    if len(label.goods) > 8:
        text(edge, y, f"… {len(label.goods)}", 9 * big)
    _barcode(canvas, label.waybill_no, 7 * mm * big, 9 * mm * big, width)
    canvas.setFont(_font(), 8 * big)
    canvas.drawCentredString(width / 2, 3 * mm * big, label.waybill_no)


def _barcode(canvas: Canvas, value: str, y: float, height: float, width: float) -> None:
    """Code 128 with ten modules of quiet zone on each side; as wide as the label lets it be, at most 0.4 mm a module."""
    from reportlab.graphics.barcode.code128 import Code128

    probe = Code128(value, barWidth=1, quiet=False)
    module = min(0.4 * mm, (width - 2 * mm) / (probe.width + 20))
    code = Code128(value, barHeight=height, barWidth=module, quiet=False)
    code.drawOn(canvas, (width - code.width) / 2, y)
