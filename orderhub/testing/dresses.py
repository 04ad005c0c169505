"""Pages as browser tests look at them: by axe, at both widths, in both themes and languages.

Decision: axe is asked for violations only (of the rest it keeps one example each: a third of the time), is put into a
document once, and a page is loaded for each width and language; its theme is changed as a person changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

WCAG = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
}
WIDTHS, THEMES, LANGUAGES = (1440, 390), ("light", "dark"), ("zh-hans", "en")


@dataclass(frozen=True)
class Dress:
    """What a page is looked at in; `width` in CSS pixels."""

    width: int
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}-{self.language}"


def violations(page: Any, context: str | None = None) -> list[dict[str, Any]]:
    """What breaks WCAG 2.2 AA in the page as it is, or in the part that a CSS selector names; axe's own words."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "([context, options]) => axe.run(context || document, options).then(told => told.violations)",
        [context, WCAG],
    )
    return found


def signed_in(page: Any, url: str, user: User) -> None:
    """The page's browser is this person's from now on, without the form of the sign-in page."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def speaks(page: Any, url: str, language: str) -> None:
    """Pages of that site are asked for in this language from now on."""
    name = settings.LANGUAGE_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": language, "url": url}])


def settled(page: Any) -> None:
    """Wait until nothing moves: a colour half-way to another is no colour of the page."""
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))")


def wear(page: Any, theme: str) -> None:
    """The theme of an open page of the admin, as its own switch changes it (and keeps it for the next page)."""
    page.wait_for_function("window.Alpine && Alpine.$data(document.documentElement).adminTheme !== undefined")
    page.evaluate("theme => { Alpine.$data(document.documentElement).adminTheme = theme; }", theme)
    page.wait_for_function(
        "dark => document.documentElement.classList.contains('dark') === dark", arg=theme == "dark"
    )
    settled(page)


def worn(page: Any, url: str, address: str, height: int = 900) -> Iterator[Dress]:
    """The page at `url` + `address` in all eight dresses, one after another; loaded anew for each width and language.

    Which theme it is loaded in alternates, so that both are, at each width.
    """
    for language in LANGUAGES:
        speaks(page, url, language)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            page.goto(url + address)
            here = page.evaluate("document.documentElement.classList.contains('dark')")
            for theme in THEMES[::-1] if here else THEMES:
                wear(page, theme)
                yield Dress(width, theme, language)


def scrolls_sideways(page: Any) -> bool:
    """Whether something sticks out of the window to the right."""
    return not page.evaluate("document.documentElement.scrollWidth <= innerWidth")
