"""The JavaScript of the tests: functions of the modules in `js/`, called by name."""

from pathlib import Path
from typing import Any

from playwright.sync_api import ElementHandle, Locator, Page

FOLDER = Path(__file__).parent / "js"
# Below STATIC_URL: see tests.browser.settings.
URL = "/static/tests"
# A page with nothing on it.
BLANK = f"{URL}/blank.html"
CALL = "async ([module, name, given]) => (await import(module))[name](...given)"


def init_script(name: str) -> Path:
    """Return the path of a script that runs in a page before its own ones."""
    return FOLDER / "init" / f"{name}.js"


def call(page: Page, function: str, *arguments: Any) -> Any:
    """Call `<module>.<function>` in a page; return what it returns, once it does.

    Arguments are JSON or elements of the page.
    """
    module, _, name = function.partition(".")
    given = [_element(each) for each in arguments]
    return page.evaluate(CALL, [f"{URL}/{module}.js", name, given])


def _element(argument: Any) -> ElementHandle | Any:
    return argument.element_handle() if isinstance(argument, Locator) else argument
