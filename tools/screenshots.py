"""Takes screenshots of every page of the site, and makes the picture in the README.

Run as `make screenshots`. Each scene gives files <scene>-<scheme>-<size>.png in
var/screenshots/, next to an index.html with all of them. `python -m tools.screenshots
NAME ...` takes only those whose names start with NAME; the README has `two-people`.
"""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, installed_browser
from tests.browser.scenes import SCENES, Director, Scene
from tests.browser.stage import Stage
from tools import picture

TARGET = Path(__file__).parent.parent / "var" / "screenshots"
SCHEMES = ("light", "dark")
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
LOOKS = {
    f"{scheme}-{size}": {"color_scheme": scheme, **SIZES[size]}
    for scheme, size in product(SCHEMES, SIZES)
}

SHEET = """<!doctype html><meta charset="utf-8"><title>Screenshots</title>
<meta name="color-scheme" content="light dark"><style>
body { margin: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
section { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; }
h2 { width: 100%%; margin: 1.5rem 0 0; font-size: 1.1rem; }
figure { margin: 0; } figcaption { font-size: 0.8rem; }
img { display: block; height: 24rem; max-width: 100%%; object-fit: cover;
      object-position: top; border: 1px solid #8888; }
</style><h1>Screenshots</h1>%s
"""


def main(names: list[str]) -> None:
    """Take the screenshots whose names start with one of these; without names, all."""
    wanted = tuple(names) or ("",)
    scenes = [scene for scene in SCENES if scene.name.startswith(wanted)]
    with chromium() as browser:
        if picture.TARGET.stem.startswith(wanted):
            picture.make(browser)
            say(f"{picture.TARGET.relative_to(Path.cwd())}")
        if scenes:
            take_scenes(browser, scenes, fresh=not names)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium of this machine, or else the one of Playwright."""
    executable = installed_browser()
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=executable, args=ARGUMENTS
            )
        except Error as error:
            reason = error.message.splitlines()[0]
            raise SystemExit(
                f"Chromium does not start: {reason}\n"
                "Install chromium, or run: .venv/bin/playwright install chromium"
            ) from None
        with browser:
            yield browser


def take_scenes(browser: Browser, scenes: list[Scene], *, fresh: bool) -> None:
    """Take screenshots of these scenes; `fresh` deletes old ones first."""
    if fresh:
        shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    say("Starting the site ...")
    with Stage() as stage, closing(Director(browser, stage)) as director:
        for number, scene in enumerate(scenes, start=1):
            say(f"{number}/{len(scenes)} {scene.name}")
            take_scene(director, scene)
    (TARGET / "index.html").write_text(contact_sheet())
    say(f"{TARGET.relative_to(Path.cwd())}/index.html has all of them.")


def take_scene(director: Director, scene: Scene) -> None:
    """Play a scene once in pages of all looks, and take a screenshot of each."""
    with ExitStack() as opened:
        pages = {}
        for name, look in LOOKS.items():
            pages[name] = director.open(scene, **look)
            opened.callback(pages[name].close)
        director.play(scene, *pages.values())
        for name, page in pages.items():
            take(page, TARGET / f"{scene.name}-{name}.png", full=scene.full)


def take(page: Page, target: Path, *, full: bool) -> None:
    """Save a screenshot of a page; `full` is the whole page, not the viewport."""
    page.bring_to_front()
    # Hiding the caret would change fields, and so the rows that the inbox compares.
    options: dict[str, Any] = {"animations": "disabled", "caret": "initial"}
    page.screenshot(path=target, full_page=full, **options)


def contact_sheet() -> str:
    """Return an HTML page with all screenshots, a row per scene."""
    rows = (row(scene.name) for scene in SCENES)
    return SHEET % "\n".join(filter(None, rows))


def row(name: str) -> str:
    """Return the HTML of the screenshots of a scene; empty without any."""
    found = [
        f'<figure><a href="{file}"><img src="{file}" alt="{look}" loading="lazy"></a>'
        f"<figcaption>{look}</figcaption></figure>"
        for look in LOOKS
        if (TARGET / (file := f"{name}-{look}.png")).exists()
    ]
    if not found:
        return ""
    return f"<section><h2>{escape(name)}</h2>{''.join(found)}</section>"


def say(line: str) -> None:
    """Print a line of progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def interrupt(_number: int, _frame: object) -> None:
    """Raise KeyboardInterrupt, so that the browser and the site are stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("Stopped.")
