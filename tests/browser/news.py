"""The events of the stage: after the demo's posts, one of every kind.

Runs in the site, by `manage.py shell`.
"""

import json
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from notifications.api import publish
from notifications.inbox import read_state
from notifications.inbox.announcements import announce
from notifications.models import Event
from notifications.publishing.followables import follow
from project.demos.notifications import CHAT_LINE, ChatLine
from project.demos.rooms import LOBBY
from project.qa.management.commands.seed_demo import seed
from project.qa.models import Answer, Question, Topic
from tests.browser.people import PASSWORD
from tests.inboxes import inbox_of

NEWCOMER = "newcomer"
READER = "reader"

CHAIN, LOAF, ROSES = "my chain", "a decent loaf", "my roses"
# Has comments and an accepted answer.
SOUR = "taste sour"
ADMIN = "/admin/notifications/event"
RICH = "How do I keep a log of my brews that I can also read?"
ARABIC = "لماذا يصبح الشاي الأخضر مرًّا بعد دقيقتين؟"
LONG = (
    "Which of the plants that the neighbours gave us when they moved away, none of "
    "which has a label, will outlive a winter on a windy balcony on the fourth floor?"
)
CHAT = [
    ("answerer", "Has anyone tried the new kettle?"),
    ("anonymous", "Mine leaks at the spout. I would send it back while I still can."),
    ("ليلى", "جرّبتها أمس، وهي سريعة جدًّا."),
    ("answerer", "https://example.org/" + "kettle" * 12),
]
RICH_BODY = """
<p>I write <code>dose,yield,seconds</code> into a file, one line a cup:</p>
<pre><code>2026-03-01 07:40,18.0,36.5,27,"sour; the grinder was still warm"
2026-03-01 13:05,18.0,38.0,29,"better"</code></pre>
<blockquote><p>If you do not write it down, you only had a coffee.</p></blockquote>
<h3>What I tried</h3>
<ul><li>A spreadsheet, which I never open.</li><li>Paper, which gets wet.</li></ul>
<table><tr><th>Dose</th><th>Yield</th><th>Taste</th></tr>
<tr><td>18 g</td><td>36 g</td><td>sour</td></tr>
<tr><td>18 g</td><td>40 g</td><td>fine</td></tr></table>
<p>See <a href="https://example.org/brews">what others do</a>.</p>
"""


def happen() -> str:
    """Make the demo and its events; return the addresses of their objects as JSON."""
    seed()
    User.objects.create_user(NEWCOMER)
    # That of the demo is refused without DEBUG.
    User.objects.update(password=make_password(PASSWORD))
    reader = User.objects.get(username=READER)
    follow(reader, "topic:repair", level="watch")
    follow(reader, "topic:pour-over", level="mute")
    past_news()
    read_state.see_all(reader)
    read_state.read_all(reader, inbox_of(reader)[0])
    latest_news()
    look_back()
    talk()
    return json.dumps(addresses())


def talk() -> None:
    """Let people chat about tea, and in the lobby."""
    for room in ("room:tea", f"room:{LOBBY}"):
        for name, text in CHAT:
            line = ChatLine(name=name, text=text)
            publish(CHAT_LINE, topics=[room], payload=line)


def past_news() -> None:
    """Let things happen that the reader has read."""
    ask("asker", "Can I freeze fresh yeast, or does it die?", "sourdough")
    answer("answerer", LOAF, "A lidded casserole, if its handle is not plastic.")
    answer("asker", LOAF, "On a hot stone, with a pan of water below it.")
    answer("answerer", ROSES, "Ladybirds. Order the larvae in April, not the beetles.")


def latest_news() -> None:
    """Let things happen that the reader has not seen yet."""
    ask("asker", LONG, "gardening")
    ask("asker", ARABIC, "tea", body="أستخدم ماءً ساخنًا جدًّا، وأتركه دقيقتين.")
    answer("asker", CHAIN, "A shorter chain, and it has held since.")
    answer("answerer", CHAIN, "A narrow-wide chainring has teeth that do not let go.")
    answer("admin", CHAIN, "Ask the shop for a chain guide; mine cost less than lunch.")
    ask("asker", RICH, "espresso", body=RICH_BODY, body_is_html=True)
    announce("Tea drinkers meet on Friday", "At the allotments.", topic="topic:tea")
    answer("answerer", ROSES, "Soap water in the evening, three days running.")


def ask(name: str, title: str, *slugs: str, body: str = "", **fields: bool) -> None:
    """Let an account ask something."""
    author = User.objects.get(username=name)
    body = body or "Half of what I read says yes, the other half no. Who has tried?"
    with transaction.atomic():
        question = Question.objects.create(
            title=title, body=body, author=author, **fields
        )
        question.topics.set(Topic.objects.filter(slug__in=slugs))


def answer(name: str, title: str, body: str) -> None:
    """Let an account answer the question whose title has these words."""
    author = User.objects.get(username=name)
    question = Question.objects.get(title__contains=title)
    Answer.objects.create(question=question, body=body, author=author)


def look_back() -> None:
    """Let it have happened over the last days, and not all just now."""
    events = Event.objects.order_by("-pk")
    for hours, event in enumerate(events):
        when = timezone.now() - timedelta(hours=hours**2, minutes=12)
        Event.objects.filter(pk=event.pk).update(created=when)
        field = event.payload.get
        if event.type == "new_question":
            Question.objects.filter(pk=field("question_id")).update(created=when)
        Answer.objects.filter(pk=field("answer_id")).update(created=when)


def addresses() -> dict[str, str]:
    """Return where each thing is that a scene shows, by the name that it has there."""
    titles = {
        "chain": CHAIN,
        "rich": RICH,
        "arabic": ARABIC,
        "loaf": LOAF,
        "sour": SOUR,
    }
    questions = {
        name: Question.objects.get(title__contains=words).get_absolute_url()
        for name, words in titles.items()
    }
    newest = Event.objects.order_by("pk").last()
    assert newest
    return {**questions, "event": f"{ADMIN}/{newest.pk}/change/"}
