"""What files may bring, each a resource of django-import-export: its columns, what a row would change, how it is written.

A resource judges a whole file at once and writes batches: the number of statements depends on neither.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from import_export.resources import Resource

from orderhub.dotted import resolve
from orderhub.exports.columns import Column
from orderhub.imports.cells import Cell
from orderhub.imports.reading import NotASheet, cells

#: Where the apps keep their resources: dotted names of {code: class}.
TABLES = ("inventory.importing.RESOURCES",)
MOST_ROWS = 200_000
FRESH, CHANGED, UNCHANGED, REFUSED = "fresh", "changed", "unchanged", "refused"
OUTCOMES = (FRESH, CHANGED, UNCHANGED, REFUSED)
#: A cell that holds nothing.
NOTHING = "–"


@dataclass(slots=True)
class Line:
    """A row of a file: where it stands, what it says, and what comes of it.

    `changes` are (heading, what is there, what would be); `about` is what a resource found out for its own writing.
    """

    row: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""
    reason: str = ""
    head: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    about: Any = None

    def refuse(self, reason: str) -> None:
        """It stays out, for this reason."""
        self.outcome, self.reason, self.changes = REFUSED, reason, []

    def settle(self, known: bool) -> None:
        """New, changed or unchanged, by what would change."""
        self.outcome = FRESH if not known else CHANGED if self.changes else UNCHANGED


class Bringing(Resource):
    """One kind of file. Subclasses say what it is made of; `user` narrows what may be touched."""

    code = ""
    label: Any = ""
    note: Any = ""
    icon = "upload_file"
    permissions: tuple[str, ...] = ()
    see = ""
    #: The same file twice would be done twice (counts, receipts): it is refused.
    once = False
    writes: tuple[str, ...] = (FRESH, CHANGED)

    def __init__(self, user: Any = None, seen: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.user, self.seen, self.checking = user, seen if seen is not None else {}, seen is None
        self.unread: list[str] = []  # headings that mean nothing here
        self.fields = self.columns()
        for name, cell in self.fields.items():
            cell.column_name = name

    def columns(self) -> dict[str, Cell]:
        """{name: cell}, in order."""
        raise NotImplementedError

    def key(self, values: dict[str, Any]) -> Hashable:
        """Two rows of one key are the same row twice."""
        raise NotImplementedError

    def head(self, values: dict[str, Any]) -> str:
        """What a row is called in the preview."""
        raise NotImplementedError

    def compare(self, lines: list[Line]) -> None:
        """Give each line its outcome. Locks what must not move when `checking` is off."""
        raise NotImplementedError

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        """Write some lines that are new or changed, in the caller's transaction."""
        raise NotImplementedError

    def written(self) -> None:
        """Everything is written; the transaction is still open."""

    def exported(self) -> tuple[list[Column], str]:
        """The same columns as they are here: ([column], FROM …), to be changed and brought back. SQL without parameters."""
        raise NotImplementedError

    def differ(self, line: Line, there: dict[str, Any]) -> None:
        """Note the named values that would change; a cell that is empty changes nothing."""
        for name, old in there.items():
            new = line.values.get(name)
            if new is not None and new != old:
                line.changes.append((str(self.fields[name].label), said(old), said(new)))


def said(value: Any) -> str:
    """A value as it is shown."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _table(name: str) -> dict[str, type[Bringing]]:
    table: Any = resolve(name)
    return dict(table)


def resources() -> dict[str, type[Bringing]]:
    """{code: class} of everything that may be brought."""
    found: dict[str, type[Bringing]] = {}
    for name in TABLES:
        found.update(_table(name))
    return found


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).lower().replace("*", "").split())


def headings(resource: Bringing) -> dict[str, str]:
    """{heading as it may be written: column}: in Chinese, in English, or the column's own name."""
    found: dict[str, str] = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            for name, cell in resource.fields.items():
                found[_plain(str(cell.label))] = name
    return found | {name: name for name in resource.fields}


def judge(resource: Bringing, data: bytes) -> list[Line]:
    """Every row of a file with its outcome. Raises NotASheet where it isn't a file of this kind at all."""
    table = cells(data)
    known = headings(resource)
    heads = table[0] if table else []
    places = [known.get(_plain(cell), "") for cell in heads]
    resource.unread = [
        head.strip() for head, name in zip(heads, places, strict=True) if head.strip() and not name
    ]
    missing = [
        str(cell.label) for name, cell in resource.fields.items() if cell.needed and name not in places
    ]
    if missing:
        raise NotASheet(_("Columns are missing: %(names)s") % {"names": "、".join(missing)})
    twice = sorted({str(resource.fields[name].label) for name in places if name and places.count(name) > 1})
    if twice:
        raise NotASheet(_("Columns stand there twice: %(names)s") % {"names": "、".join(twice)})
    lines = [
        Line(row, {name: text for name, text in zip(places, texts, strict=False) if name})
        for row, texts in enumerate(table[1:], 2)
        if any(text.strip() for text in texts)
    ]
    if not lines:
        raise NotASheet(_("The file has headings and no rows."))
    if len(lines) > MOST_ROWS:
        raise NotASheet(_("The file has more than %(most)d rows: divide it.") % {"most": MOST_ROWS})
    first: dict[Hashable, int] = {}
    good = []
    for line in lines:
        try:
            line.values = {name: cell.clean(line.cells) for name, cell in resource.fields.items()}
        except ValueError as error:
            line.refuse(str(error))
            line.head = " · ".join(text for text in list(line.cells.values())[:2] if text.strip())[:80]
            continue
        line.head = resource.head(line.values)[:80]
        before = first.setdefault(resource.key(line.values), line.row)
        if before != line.row:
            line.refuse(_("the same as row %(n)d: it counts once") % {"n": before})
            continue
        good.append(line)
    resource.compare(good)
    return lines


def fingerprint(lines: Sequence[Line]) -> str:
    """What would come of every row, as a digest."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line.row}|{line.outcome}|{line.changes}\n".encode())
    return digest.hexdigest()
