"""Every page of the site in each of its states.

`Director.open` opens a scene, in one browser context for each person and look. Opening
a scene changes nothing, so that the next look finds the same page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.browser.scripts import call, init_script
from tests.browser.stage import Stage

Act = Callable[[Page], object]
Happening = Callable[[Stage], object]
LIVE = "html[data-notifications=live]"
STREAM = "**/notifications/stream/**"
POLL = "**/notifications/poll/**"
TOAST = ".notifications-toast"
PANEL = ".notifications-panel :is(.notifications-inbox-item, [data-key=empty] > p)"
# In milliseconds; after this a page shows that its connection is lost.
PATIENCE = 6_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A page, the person who opens it, what they do there, and what happens then.

    `path` has names of `Stage.addresses`; `until` is a selector that is waited for;
    `full` is whether the page is shown in its whole length, and not its window alone.
    """

    name: str
    path: str
    who: str = ""
    act: Act | None = None
    happens: Happening | None = None
    until: str = "h1"
    language: str = "en"
    direction: str = "ltr"
    full: bool = True

    @property
    def is_admin(self) -> bool:
        return self.path.startswith(("/admin/", "{event}"))


def open_bell(page: Page) -> None:
    page.locator("button.notifications-bell[aria-expanded]").click()
    page.locator(PANEL).first.wait_for()


def follow_offline(page: Page) -> None:
    """Use the follow button while its request cannot reach the server."""
    page.locator(LIVE).wait_for()
    page.route("**/follows/**", lambda route: route.abort())
    page.locator("main follow-button form > button").click()


def open_site_menu(page: Page) -> None:
    """Open the menu of the header, which only a narrow window has."""
    button = page.locator(".site-menu")
    if button.is_visible():
        button.click()


def open_menu(page: Page) -> None:
    """Open the first menu of the page's own content."""
    page.locator("main .notifications-menu summary").first.click()


def select_rows(page: Page) -> None:
    for number in (1, 3):
        page.locator("main .notifications-inbox-check").nth(number).check()
    # What scrolls below the bar is hidden by it.
    page.evaluate("scrollTo(0, 0)")


def open_keys(page: Page) -> None:
    """Open the help by its key: touch screens have no button for it."""
    page.keyboard.press("?")


def send(page: Page) -> None:
    """Send the page's form without the browser's own checks."""
    call(page, "page.submitUnchecked", page.locator("main form.sheet"))


def open_chat(page: Page) -> None:
    page.locator("details.chat summary").click()


def write_too_much(page: Page) -> None:
    """Have the server refuse a line; the page itself refuses none that is too long."""
    page.route("**/demos/chat/tea/", refuse_line)
    page.fill("chat-room [name=text]", "One line too many")
    page.press("chat-room [name=text]", "Enter")


def refuse_line(route: Route) -> None:
    """Answer as a room does to whoever writes too fast."""
    problem = "At most 5 lines in 10 seconds. Wait 7 s."
    route.fulfill(status=429, json={"name": "newcomer", "problem": problem})


def sign_in_wrongly(page: Page) -> None:
    page.fill("[name=username]", "reader")
    page.fill("[name=password]", "wrong")
    send(page)


def announce(page: Page) -> None:
    page.fill("[name=title]", "The site rests tonight")
    page.fill("[name=text]", "From 22:00 on, for an hour at most.")
    page.fill("[name=url]", "/topics/")
    press_default(page)


def press_default(page: Page) -> None:
    page.locator("#content-main input.default").click()


def send_an_old_form(page: Page) -> None:
    page.locator("main [name=csrfmiddlewaretoken]").evaluate("it => { it.value = '' }")
    send(page)


def lose_connection(page: Page) -> None:
    for each in (STREAM, POLL):
        page.route(each, lambda route: route.abort())
    page.clock.install()
    page.reload()
    page.locator("html[data-notifications=lost]").wait_for()
    page.clock.fast_forward(PATIENCE)


def find_nobody(page: Page) -> None:
    page.route(STREAM, lambda route: route.fulfill(status=409, json={"user": ""}))
    page.reload()


def be_refused(page: Page) -> None:
    page.route(STREAM, lambda route: route.fulfill(status=403))
    page.reload()


def ask(stage: Stage) -> None:
    stage.member("asker").ask("Is a second steep of sencha worth it?", topics="Tea")


def answer(stage: Stage) -> None:
    path = stage.path("{loaf}")
    stage.member("answerer").answer(path, "A second loaf in an upturned roasting tin.")


ROW = "main .notifications-inbox-item"
KEYS = "#notifications-keys[open]"
MENU = "main .notifications-menu[open] .notifications-choices"
ERROR = ".form-problem"
TOO_FAST = "[role=alert]:text('Wait')"
NOTICE = ".notifications-notice"
ACCOUNT = ".notifications-account"
LIVE_PAGE = "/admin/notifications/event/live/"
ANNOUNCE = "/admin/notifications/event/announce/"
NOTE = ".errornote"
WHY = ".notifications-explanation"
BANNER = "a.notifications-new-items-banner"
ARRIVED = ".notifications-arrived"
CONFIRM = ".notifications-announcement"
SECOND_EVENT = "event-log pre >> nth=1"
EVERYTHING = "/notifications/stream/?topic=topic:*"

PAGES = (
    Scene("home", "/", "reader", until="article"),
    Scene("home-stranger", "/", until="article"),
    Scene("topics", "/topics/", "reader"),
    Scene("site-menu", "/topics/", "reader", open_site_menu, full=False),
    Scene("topics-none", "/topics/?q=zeppelin", "reader"),
    Scene("topic", "/topics/tea/", "reader"),
    Scene("topic-menu", "/topics/tea/", "reader", open_menu, until=MENU, full=False),
    Scene("topic-chat", "/topics/tea/", "reader", open_chat),
    Scene("question", "{chain}", "reader"),
    Scene("question-own", "{sour}", "asker"),
    Scene("question-stranger", "{rich}"),
    Scene("comment-errors", "{sour}comment/", "reader", send, until=ERROR),
    Scene("delete", "{sour}delete/", "asker"),
    Scene("question-arabic", "{arabic}", "reader"),
    Scene("ask", "/ask/?topic=tea", "reader"),
    Scene("ask-errors", "/ask/", "reader", send, until=ERROR),
    Scene("person", "/people/answerer/", "reader"),
    Scene("person-own", "/people/newcomer/", "newcomer"),
    Scene("signin", "/login/"),
    Scene("signin-errors", "/login/", "", sign_in_wrongly, until=ERROR),
    Scene("signup", "/signup/"),
    Scene("signup-errors", "/signup/", "", send, until=ERROR),
    Scene("password", "/password/", "reader"),
    Scene("chat", "/demos/chat/"),
    Scene(
        "chat-problem", "/demos/chat/tea/", "newcomer", write_too_much, until=TOO_FAST
    ),
    Scene("missing", "/nowhere/", "reader"),
    Scene("forbidden", "/refuses/", "reader"),
    Scene("csrf", "/login/", "", send_an_old_form, until="h1:text('not sent')"),
    Scene("failed", "/fails/"),
)
NOTIFICATIONS = (
    Scene("inbox", "/notifications/", "reader", until=ROW),
    Scene("inbox-menu", "/notifications/", "reader", open_menu, until=MENU, full=False),
    Scene("inbox-did", "/notifications/?result=all&undo=x", "reader", until=ROW),
    Scene("inbox-unread", "/notifications/?unread=1", "reader", until=ROW),
    Scene("inbox-type", "/notifications/?type=new_answer", "reader", until=ROW),
    Scene("inbox-selected", "/notifications/", "reader", select_rows, until=ROW),
    Scene("inbox-filter", "/notifications/?topic=topic:tea&q=e", "reader", until=ROW),
    Scene("inbox-saved", "/notifications/?view=saved", "newcomer"),
    Scene("inbox-keys", "/notifications/", "reader", open_keys, until=KEYS, full=False),
    Scene("inbox-empty", "/notifications/", "newcomer"),
    Scene("inbox-all-read", "/notifications/?unread=1", "newcomer"),
    Scene("bell", "/topics/", "reader", open_bell, until=PANEL, full=False),
    Scene("bell-empty", "/topics/", "newcomer", open_bell, until=PANEL, full=False),
    Scene("preferences", "/notifications/preferences/", "reader"),
    Scene("preferences-saved", "/notifications/preferences/?result=saved", "newcomer"),
    Scene("lost", "/", "reader", lose_connection, until=NOTICE, full=False),
    Scene("stopped", "/", "reader", be_refused, until=NOTICE, full=False),
    Scene("toast", "/topics/tea/", "newcomer", follow_offline, until=TOAST, full=False),
    Scene("signed-out", "/", "newcomer", find_nobody, until=ACCOUNT, full=False),
)
ADMIN = (
    Scene("admin-events", "/admin/notifications/event/", "admin"),
    Scene("admin-event", "{event}", "admin"),
    Scene("admin-event-why", "{event}?person=reader", "admin", until=WHY),
    Scene("admin-event-nobody", "{event}?person=x", "admin", until=NOTE),
    Scene("admin-announcement", ANNOUNCE, "admin"),
    Scene("admin-announcement-errors", ANNOUNCE, "admin", press_default, until=NOTE),
    Scene("admin-announcement-confirm", ANNOUNCE, "admin", announce, until=CONFIRM),
    Scene("admin-live", LIVE_PAGE, "admin", until="tr[data-process]"),
    Scene("admin-app", "/admin/notifications/", "admin"),
    Scene("admin-follows", "/admin/notifications/follow/", "admin"),
    Scene("admin-follow", "/admin/notifications/follow/add/", "admin"),
)
GERMAN = tuple(
    Scene(f"{name}-german", path, "reader", act, until=until, language="de-DE")
    for name, path, act, until in (
        ("home", "/", None, "article"),
        ("topic", "/topics/tea/", None, "h1"),
        ("ask-errors", "/ask/", send, ERROR),
        ("inbox", "/notifications/", None, ROW),
        ("bell", "/topics/", open_bell, PANEL),
        ("preferences", "/notifications/preferences/", None, "h1"),
    )
)
FROM_THE_RIGHT = tuple(
    Scene(f"{name}-rtl", path, "reader", act, until=until, direction="rtl", full=full)
    for name, path, act, until, full in (
        ("home", "/", None, "article", True),
        ("question", "{chain}", None, "h1", True),
        ("inbox", "/notifications/", None, ROW, True),
        ("inbox-menu", "/notifications/", open_menu, MENU, False),
        ("bell", "/topics/", open_bell, PANEL, False),
        ("preferences", "/notifications/preferences/", None, "h1", True),
    )
)
# Events that arrive on open pages; later scenes show them, too.
LIVE_SCENES = (
    Scene("stream", EVERYTHING, "reader", happens=answer, until=SECOND_EVENT),
    Scene("banner", "/", "reader", happens=ask, until=BANNER),
    Scene("arrived", "{loaf}", "reader", happens=answer, until=f".answer{ARRIVED}"),
    Scene(
        "bell-arrived", "/topics/", "reader", open_bell, answer,
        until=f".notifications-panel {ARRIVED}", full=False,
    ),
)  # fmt: skip
SCENES = (*PAGES, *NOTIFICATIONS, *ADMIN, *GERMAN, *FROM_THE_RIGHT, *LIVE_SCENES)


class Director:
    """Opens scenes in a browser, in a context for each person and look."""

    def __init__(self, browser: Browser, stage: Stage) -> None:
        self.stage = stage
        self._browser = browser
        self._contexts: dict[tuple[Any, ...], BrowserContext] = {}

    def open(self, scene: Scene, **look: Any) -> Page:
        """Return a page of the scene, in a context with these options."""
        page = self._context(scene, look).new_page()
        page.goto(self.stage.path(scene.path))
        if scene.direction != "ltr":
            page.evaluate(
                "direction => document.documentElement.dir = direction", "rtl"
            )
        if page.locator("notification-bell").count():
            page.locator(LIVE).wait_for()
        if scene.act:
            scene.act(page)
        return page

    def play(self, scene: Scene, *pages: Page) -> None:
        """Cause the event of the scene, and wait until the pages show it."""
        if scene.happens:
            scene.happens(self.stage)
        for page in pages:
            page.locator(scene.until).first.wait_for()

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts.values():
            context.close()

    def _context(self, scene: Scene, look: dict[str, Any]) -> BrowserContext:
        key = (scene.who, scene.language, repr(look))
        if key not in self._contexts:
            self._contexts[key] = self._new_context(scene, look)
        return self._contexts[key]

    def _new_context(self, scene: Scene, look: dict[str, Any]) -> BrowserContext:
        context = self._browser.new_context(
            base_url=self.stage.url,
            locale=scene.language,
            reduced_motion="reduce",
            timezone_id="UTC",
            **look,
        )
        if scene.who:
            context.add_cookies(self.stage.member(scene.who).cookies())
        context.add_init_script(path=init_script("keep_unseen"))
        return context
