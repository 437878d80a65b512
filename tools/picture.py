"""Makes the picture in the README: the pages of two users, side by side."""

import base64
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.system.server import Site

TARGET = Path(__file__).parent.parent / "docs" / "images" / "two-people.png"
WINDOW = {"width": 760, "height": 660}
MARGIN = 24

FRAME = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: %(margin)spx; background: #d9e2dd; display: flex;
       gap: %(margin)spx; font: 600 15px system-ui, sans-serif; color: #1d2b26; }
figure { margin: 0; } figcaption { padding: 0 4px 10px; }
img { display: block; border-radius: 10px; box-shadow: 0 6px 24px #0003; }
</style>%(figures)s"""


def make(browser: Browser) -> None:
    """Run the site, let one user ask a question that another one sees; save both."""
    with Site(workers=2) as site:
        site.manage("seed_demo")
        asker = sign_in(browser, site.url, "asker")
        reader = sign_in(browser, site.url, "reader")
        ask(asker, site.url)
        reader.locator("new-items-banner a").wait_for()
        reader.locator(".notifications-bell-count", has_text="1").wait_for()
        captions = (
            "asker has just asked",
            "reader, who follows Sourdough, sees it without reloading",
        )
        shots = (asker.screenshot(), reader.screenshot())
        pages = dict(zip(captions, shots, strict=True))
        TARGET.write_bytes(side_by_side(browser, pages))
        for page in (asker, reader):
            page.context.close()


def sign_in(browser: Browser, url: str, name: str) -> Page:
    """Return a page in which a demo account is signed in, at the home page."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(f"{url}/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", "demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{url}/")
    return page


def ask(page: Page, url: str) -> None:
    """Post a question with the form."""
    page.goto(f"{url}/ask/")
    page.fill("[name=title]", "Can I bake with yesterday's porridge?")
    page.fill("[name=body]", "Half a pot is left. Does it go into the dough?")
    page.locator("[name=topics]").first.fill("Sourdough")
    page.press("[name=title]", "Enter")
    page.wait_for_url("**/questions/**")


def side_by_side(browser: Browser, pages: dict[str, bytes]) -> bytes:
    """Return one picture of several screenshots with captions."""
    figures = "".join(
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}"></figure>'
        for caption, shot in pages.items()
    )
    width = len(pages) * (WINDOW["width"] + MARGIN) + MARGIN
    page = browser.new_page(viewport={"width": width, "height": 100})
    page.set_content(FRAME % {"margin": MARGIN, "figures": figures})
    return page.screenshot(full_page=True)
