"""Make the small fonts under `static/unfold/fonts` from those that Unfold brings: 0.75 MB becomes 0.1 MB of a first visit.

Run by hand after a new Unfold, or when a new icon is used (a test says so):
`pip install fonttools brotli && python -m orderhub.admin_site.make_fonts`. They take the place of Unfold's own because
`STATICFILES_DIRS` is looked through before the apps. Inter keeps Latin letters, figures and signs (Chinese never was in it);
the icons keep those that any page of ours or of Unfold may name.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import unfold

ROOT = Path(__file__).resolve().parents[2]
THEIRS = Path(unfold.__file__).parent
FONTS = Path("static/unfold/fonts")
ICONS = FONTS / "material-symbols"
#: The icons in the small font, one a line.
NAMES = ROOT / ICONS / "names.txt"
APPS = ("orderhub", "orders", "inventory", "routing", "logistics", "finance", "static")
#: A word between quotes, or between the signs of a tag or of a template: where the name of an icon may stand.
WORD = re.compile(r"""(?<=["'>}])\s*([a-z0-9_]+)\s*(?=["'<{])""")
#: Letters of Inter: Latin, Latin-1 and Extended-A, general punctuation, currencies, arrows, minus and comparisons.
LETTERS = "U+0020-007E,U+00A0-017F,U+2010-2027,U+2030-203A,U+20A0-20BF,U+2116,U+2122,U+2190-2193,U+2212,U+2248,U+2260-2265"


def sources() -> Iterator[Path]:
    """Everything that may name an icon, tests apart."""
    for folder in (*(ROOT / app for app in APPS), THEIRS):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".html", ".js", ".css") and not {"tests", "canvas", "sandbox"} & set(
                path.parts
            ):
                yield path


def words() -> set[str]:
    """Every word that stands where the name of an icon may."""
    return {word for path in sources() for word in WORD.findall(path.read_text(encoding="utf-8"))}


def ligatures(font: Any) -> dict[str, str]:
    """{what is written: the glyph that it becomes}, of a font whose icons are written as words."""
    letter = {glyph: chr(code) for code, glyph in font.getBestCmap().items() if code < 128}
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in (getattr(table, "ExtSubTable", table) for table in lookup.SubTable):
            for first, rows in getattr(table, "ligatures", {}).items():
                for row in rows:
                    found["".join(letter.get(part, "?") for part in (first, *row.Component))] = row.LigGlyph
    return found


def main() -> None:
    """Write the fonts, their licences and `names.txt`."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = "Material-Symbols-Outlined.woff2"
    known = ligatures(TTFont(THEIRS / ICONS / font))
    used = sorted(words() & set(known))
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_ "
    for folder in ("inter", "material-symbols"):
        (ROOT / FONTS / folder).mkdir(parents=True, exist_ok=True)
        for name in ("LICENSE", "styles.css"):
            shutil.copyfile(THEIRS / FONTS / folder / name, ROOT / FONTS / folder / name)
    subset.main([
        str(THEIRS / ICONS / font), f"--output-file={ROOT / ICONS / font}", "--flavor=woff2", f"--text={letters}",
        f"--glyphs={','.join(sorted({known[name] for name in used}))}", "--no-layout-closure", "--layout-features=*",
    ])  # fmt: skip
    NAMES.write_text("\n".join(used) + "\n", encoding="utf-8")
    for path in sorted((THEIRS / FONTS / "inter").glob("*.woff2")):
        subset.main([
            str(path), f"--output-file={ROOT / FONTS / 'inter' / path.name}", "--flavor=woff2", f"--unicodes={LETTERS}",
            "--layout-features=kern,mark,mkmk,ccmp,locl,calt,tnum,case,zero",
        ])  # fmt: skip


if __name__ == "__main__":
    main()
