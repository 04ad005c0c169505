"""Qimen's XML: dictionaries out, dictionaries in; a document type or an entity is refused before it is parsed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from orderhub.integrations.jsontext import Unreadable

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 40
#: Lists of the protocol and the name of their items; they are lists also with one item or none.
LISTS = {
    "orderLines": "orderLine",
    "packages": "package",
    "items": "item",
    "criteriaList": "criteria",
    "batchs": "batch",
    "packageMaterialList": "packageMaterial",
    "invoices": "invoice",
    "relatedOrders": "relatedOrder",
    "processes": "process",
}
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def build(root: str, content: dict[str, Any]) -> bytes:
    """UTF-8 XML of a dictionary; None is left out, characters that XML cannot carry are dropped."""
    element = ET.Element(root)
    _fill(element, content)
    return b'<?xml version="1.0" encoding="utf-8"?>' + ET.tostring(
        element, encoding="utf-8", xml_declaration=False
    )


def _fill(element: ET.Element, value: Any) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if item is not None:
                _fill(ET.SubElement(element, name), item)
    elif isinstance(value, list | tuple):
        for item in value:
            _fill(ET.SubElement(element, LISTS.get(element.tag, element.tag.removesuffix("s"))), item)
    else:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        element.text = _ILLEGAL.sub("", text)


def parse(body: bytes) -> dict[str, Any]:
    """The content of the root element; texts stay texts, empty elements are "". Unreadable for anything else."""
    if len(body) > MAX_BYTES:
        raise Unreadable("the document is larger than 10 MB")
    try:
        # Character references are XML's own; a DOCTYPE is where entities (and their expansion) would come from.
        _refuse_doctype(body)
        root = ET.fromstring(body)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Unreadable(str(error)[:200]) from error
    level = [root]
    for _depth in range(MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        raise Unreadable("the document is nested too deeply")
    value = _read(root)
    if not isinstance(value, dict):
        raise Unreadable("the document has no content")
    return value


def _refuse_doctype(body: bytes) -> None:
    """UTF-8 only, so that a declaration can't hide in another encoding; no markup declarations at all."""
    text = body.decode("utf-8-sig")
    head = re.match(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", text)
    if head and head.group(1).lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise Unreadable("the document is not UTF-8")
    without_cdata = re.sub(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->", "", text, flags=re.DOTALL)
    if "<!" in without_cdata:
        raise Unreadable("a document type or entity is not accepted")


def _read(element: ET.Element) -> Any:
    children = list(element)
    tag = element.tag
    if tag in LISTS and (not children or all(child.tag == LISTS[tag] for child in children)):
        return [_read(child) for child in children]
    if not children:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for child in children:
        value = _read(child)
        if child.tag in found:
            first = found[child.tag]
            found[child.tag] = [*first, value] if isinstance(first, list) else [first, value]
        else:
            found[child.tag] = value
    return found
