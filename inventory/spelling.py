"""When two written codes are the same code: width, case, blanks and dashes don't count, everything else does."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

from django.db import models

#: Blanks that NFKC leaves, invisible signs, and every dash that people type between two parts of a code.
_NOISE = {
    ord(sign): None
    for sign in " \t\r\n\v\f_-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u200b\u200c\u200d\u2060\ufeff"
}


@lru_cache(maxsize=8192)
def normal(code: str) -> str:
    """The spelling that all spellings share: NFKC, upper case, without blanks, dashes and underscores."""
    return unicodedata.normalize("NFKC", code).upper().translate(_NOISE)


class Spelling(models.CharField):
    """The normal form of the record's `code`, worked out whenever the record is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 80)
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = normal(model_instance.code)[: self.max_length]  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, value)
        return value
