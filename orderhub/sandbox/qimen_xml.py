"""Qimen's wire: XML texts from dicts and back, and the signature over query and body."""

from __future__ import annotations

import hashlib
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape


def signature(secret: str, query: dict[str, str], body: str) -> str:
    """Upper-hex MD5(secret + sorted name-value pairs without sign + body + secret)."""
    pairs = "".join(name + query[name] for name in sorted(query) if name != "sign")
    return hashlib.md5(f"{secret}{pairs}{body}{secret}".encode()).hexdigest().upper()


def inner(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(element(name, part) for name, part in value.items())
    return escape("" if value is None else str(value))


def element(name: str, value: Any) -> str:
    """One element; a list gives one element per entry."""
    if isinstance(value, list):
        return "".join(element(name, part) for part in value)
    return f"<{name}>{inner(value)}</{name}>"


def text(root: str, value: dict[str, Any]) -> str:
    return '<?xml version="1.0" encoding="utf-8"?>' + element(root, value)


def parsed(body: str) -> ElementTree.Element:
    """The root of a request; ValueError when it is no XML or declares entities."""
    if "<!ENTITY" in body or "<!DOCTYPE" in body:
        raise ValueError("XML不允许声明实体")
    try:
        return ElementTree.fromstring(body.encode("utf-8"))
    except ElementTree.ParseError as error:
        raise ValueError(f"XML格式错误：{error}") from error


def said(node: ElementTree.Element | None, path: str) -> str:
    """The trimmed text at a path, empty when there is none."""
    return "" if node is None else (node.findtext(path) or "").strip()
