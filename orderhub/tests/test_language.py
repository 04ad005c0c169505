"""Every word that people see has its Chinese, and the compiled catalogue is the written one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import unfold
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import trans_real
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
APPS = ("orderhub", "orders", "inventory", "logistics", "routing", "finance")
#: What speaks to no user of the product: the other side of the protocols, launcher, tests, command lines.
SILENT = ("sandbox", "launch", "tests", "testing", "management", "migrations")
KEYWORDS = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "_now": None, "N_": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2), "npgettext": ((1, "c"), 2, 3), "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}  # fmt: skip
CATALOGUES = ROOT / "orderhub" / "locale"
Message = str | tuple[str, ...]


def messages_of(folder: Path, skip: tuple[str, ...] = ()) -> Iterator[tuple[Message, str]]:
    """(msgid, where) of every marked text in the programs and templates under a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".py", ".html", ".txt") or set(path.relative_to(folder).parts[:-1]) & set(
            skip
        ):
            continue
        if path.suffix != ".py" and "templates" not in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
        source = io.BytesIO(text.encode())
        for line, msgid, _comments, context in extract(
            "python", source, KEYWORDS, options={"encoding": "utf-8"}
        ):
            found: Message | None = msgid if not isinstance(msgid, tuple) else tuple(filter(None, msgid))
            if found and not (context and isinstance(found, tuple)):
                yield found, f"{path}:{line}"


def ours() -> dict[Message, str]:
    """Every text of the product, with one place where it stands."""
    return {msgid: where for app in APPS for msgid, where in messages_of(ROOT / app, SILENT)}


def known(language: str) -> trans_real.DjangoTranslation:
    with translation.override(language):
        return trans_real.translation(language)


def is_translated(catalogue: trans_real.DjangoTranslation, msgid: Message) -> bool:
    if isinstance(msgid, tuple):
        return catalogue.ngettext(msgid[0], msgid[1], 2) not in msgid
    return catalogue.gettext(msgid) != msgid or not re.search("[A-Za-z]{2}", msgid)


#: Names and units that read the same in both languages.
SAME = {
    "OrderHub",
    "SKU",
    "GeoJSON",
    "CSV",
    "JSON",
    "ID",
    "URL",
    "SMS",
    "%(weight)s g",
    "WMS",
    "%(class_name)s %(instance)s",
}


def test_that_every_text_of_the_product_has_its_chinese():
    catalogue = known("zh-hans")
    missing = {str(m): w for m, w in ours().items() if m not in SAME and not is_translated(catalogue, m)}
    assert not missing, "\n".join(f"{where}  {msgid!r}" for msgid, where in missing.items())


def test_that_the_admin_theme_has_its_chinese_too():
    catalogue = known("zh-hans")
    folder = Path(unfold.__file__).parent
    found = dict(messages_of(folder, ("constance", "guardian", "location_field", "simple_history", "crispy")))
    missing = sorted(str(m) for m in found if m not in SAME and not is_translated(catalogue, m))
    assert not missing, missing


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_that_the_compiled_catalogue_is_the_written_one(language):
    folder = CATALOGUES / language / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as written, (folder / "django.mo").open("rb") as compiled:
        po, mo = read_po(written), read_mo(compiled)
    assert texts(mo) == texts(po)


def texts(catalogue: Any) -> dict[Any, tuple[str, ...]]:
    """{msgid or (singular, plural): its translations} of what is finished."""

    def several(value: Any) -> tuple[str, ...]:
        return (value,) if isinstance(value, str) else tuple(value)

    return {
        several(m.id): several(m.string) for m in catalogue if m.id and any(several(m.string)) and not m.fuzzy
    }


def test_that_a_translation_keeps_the_places_for_figures():
    with (CATALOGUES / "zh_Hans" / "LC_MESSAGES" / "django.po").open("rb") as written:
        catalogue = read_po(written)
    wrong = []
    for message in catalogue:
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        texts = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        wanted = set(re.findall(r"%\(\w+\)[sd]", ids[-1]))
        wrong += [ids[0] for text in texts if set(re.findall(r"%\(\w+\)[sd]", text)) != wanted]
    assert not wrong


def test_that_english_pages_are_not_answered_in_chinese():
    with translation.override("en"):
        spoken = [m for m in ours() if isinstance(m, str) and translation.gettext(m) != m]
    assert not spoken
