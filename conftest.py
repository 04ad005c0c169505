"""What every test can use: the test database's name, the Chromium, and marks that set themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from orderhub.testing.statements import Covering, Recording

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Files with such tests are begun first, so that the last minute is of short ones and no process waits for another.
LONG = {"browser": 4, "journey": 2, "slow": 1}
DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "django_db_reset_sequences", "django_db_setup"}


def chromium() -> str:
    """The browser's program, or nothing."""
    wished = os.environ.get("CHROMIUM", "")
    return wished or next((found for name in BROWSERS if (found := shutil.which(name))), "")


def pytest_addoption(parser: pytest.Parser) -> None:
    """A record of what the tests send, and the tests of a record that another version of PostgreSQL must pass as well."""
    parser.addoption("--statements", type=Path, help="write into this file which statements each test sends")
    parser.addoption(
        "--covering", type=Path, help="run the tests of that file that together send its statements"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Several people (and two runs of one person) can test at once, each in a database of their own name."""
    name = os.environ.get("ORDERHUB_TEST_DB")
    if name and settings.configured:
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    if path := config.getoption("statements"):
        config.pluginmanager.register(Recording(path, spread=bool(config.getoption("numprocesses", 0))))
    if path := config.getoption("covering"):
        config.pluginmanager.register(Covering(path))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the database, skip browser tests by name where Chromium is missing, begin with long files."""
    absent = pytest.mark.skip(
        reason="Chromium is not installed (CHROMIUM=/path/to/it, or apt-get install chromium)"
    )
    found = chromium()
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES:
            item.add_marker(pytest.mark.db)
        if item.get_closest_marker("browser") and not found:
            item.add_marker(absent)
    weights: dict[str, int] = {}
    for item in items:
        file = item.nodeid.split("::")[0]
        mine = sum(weight for name, weight in LONG.items() if item.get_closest_marker(name))
        weights[file] = max(weights.get(file, 0), mine)
    items.sort(key=lambda item: -weights[item.nodeid.split("::")[0]])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tests' database, and how it is emptied."""
    from orderhub.testing import emptying

    with django_db_blocker.unblock():
        emptying.install()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium of this machine, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in the thread of the test
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        started = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh page in Chinese with a desktop's width; every uncaught error of its scripts fails the test."""
    context = browser.new_context(
        locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1440, "height": 900}
    )
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, f"scripts of the page failed: {errors}"


@pytest.fixture(autouse=True)
def _rules_as_they_ship() -> Iterator[None]:
    """Each test begins with the shipped policies and asks the database of none, until it calls `engine.forget`."""
    from orderhub.rules import engine

    engine.as_shipped()
    yield


@pytest.fixture(autouse=True)
def _no_counts_of_another_test() -> Iterator[None]:
    """What a process remembers for seconds (budgets, rules, switches, codes, fences, places) is of another test's database."""
    import inventory.queries
    from orderhub import modules
    from orderhub.integrations import turns
    from orderhub.notifications import templates
    from orderhub.rules import engine, failing, shaping
    from routing import fences, known
    from routing.operations import capacity

    for each in (turns, engine, failing, modules, fences, known):
        each.forget()
    capacity._seen.clear()
    inventory.queries._codes = None
    templates._own = None
    shaping._choices.clear()
    yield


#: What a process reads again after so many seconds, whoever asks next.
FRESH = {
    "orderhub.modules": "FRESH_FOR", "orderhub.rules.engine": "FRESH_FOR", "orderhub.rules.shaping": "CHOICES_FOR",
    "orderhub.notifications.templates": "FRESH_FOR",
    "inventory.queries": "CODES_FRESH_FOR",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_grows_old_while_statements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of statements is of the code under it, on a slow machine too: what is remembered is not read again by the clock."""
    from importlib import import_module

    from django.test.utils import CaptureQueriesContext

    enter, leave = CaptureQueriesContext.__enter__, CaptureQueriesContext.__exit__

    def begun(self: CaptureQueriesContext) -> CaptureQueriesContext:
        self._fresh = {name: getattr(import_module(name), constant) for name, constant in FRESH.items()}  # type: ignore[attr-defined]
        for name, constant in FRESH.items():
            setattr(import_module(name), constant, float("inf"))
        return enter(self)

    def ended(self: CaptureQueriesContext, *exc: Any) -> None:
        for name, constant in FRESH.items():
            setattr(import_module(name), constant, self._fresh[name])  # type: ignore[attr-defined]
        leave(self, *exc)

    monkeypatch.setattr(CaptureQueriesContext, "__enter__", begun)
    monkeypatch.setattr(CaptureQueriesContext, "__exit__", ended)


@pytest.fixture(autouse=True)
def _language_and_clock_of_the_house() -> Iterator[None]:
    """A page asked for in English by one test leaves its thread in English: the next begins in Chinese, in Shanghai."""
    from django.utils import timezone, translation

    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()
    yield
