"""Names that point up the floors are dotted strings, resolved once and checked at start-up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.utils.module_loading import import_string


@cache
def resolve(name: str) -> Callable[..., Any]:
    """The function or class behind `package.module.name`. Raises ImportError with the name."""
    return import_string(name)  # type: ignore[no-any-return]
