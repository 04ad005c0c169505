"""How words sound: toneless pinyin, with the pairs that people and input methods mix up made one. Cached by character."""

from __future__ import annotations

import re
from functools import cache, lru_cache

_MIXED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"))


@cache
def _readings(c: str) -> tuple[str, ...]:
    """All toneless readings of a character, most usual first."""
    from pypinyin import Style, pinyin

    return tuple(dict.fromkeys(pinyin(c, style=Style.NORMAL, heteronym=True)[0]))


@cache
def syllable(c: str) -> str:
    """The usual reading of a character in its mixed-up form (zhang and zan are one); itself where it has none."""
    said = _readings(c)[0] if c > "⺀" else c
    for long, short in _MIXED:
        said = said.replace(long, short)
    return re.sub(r"^l(?=[aeiou])", "n", said)


@lru_cache(maxsize=50_000)
def spell(word: str) -> tuple[str, ...]:
    """The word as syllables."""
    return tuple(syllable(c) for c in word)


def same(one: str, other: str) -> bool:
    """Whether two words sound the same."""
    return len(one) == len(other) and spell(one) == spell(other)


def slip(written: str, name: str) -> bool:
    """Whether a name may have been meant: the same sound, or one character wrong, missing or too many.

    Names of two characters with their kind (西湖区) must keep one of the two; the kind itself does not count.
    """
    if written == name:
        return True
    if same(written, name):
        return True
    stem, kind = name[:-1], name[-1]
    if not written.endswith(kind) or len(stem) < 2:
        return False
    word = written[:-1]
    if len(word) == len(stem):
        return sum(a != b for a, b in zip(word, stem, strict=True)) == 1
    if abs(len(word) - len(stem)) != 1 or min(len(word), len(stem)) < 2:
        return False
    short, long = sorted((word, stem), key=len)
    return any(long[:n] + long[n + 1 :] == short for n in range(len(long)))
