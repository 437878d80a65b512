"""Site: a question is posted with the form, and all followers of its topic get it."""

import time
from dataclasses import dataclass
from typing import Any

from bench.browser import Browser
from bench.load import Load
from bench.plan import Plan
from bench.population import AUTHOR, COMMON, PASSWORD
from bench.processes import wait_for
from bench.servers import Ours
from bench.summary import Sample, goal, quantile, ratio

# Between posts, so that the work after one does not slow the next.
PAUSE_SECONDS = 0.1
# A ratio up to this is noise of the machine.
SLOWER = 1.1


@dataclass(frozen=True, slots=True)
class Post:
    """A question that was posted; times by CLOCK_MONOTONIC."""

    question: int
    sent_ns: int
    answered_ns: int

    @property
    def milliseconds(self) -> float:
        """The time until the response."""
        return (self.answered_ns - self.sent_ns) / 1e6


def run(plan: Plan) -> dict[str, Any]:
    """Post in turn to a site with connected followers and to one with none."""
    people, followers = plan.usual_users(), plan.site_followers
    with (
        Ours(plan.cores, people, label="site") as crowded,
        Ours(plan.cores, people, label="site-empty") as empty,
        crowded.load(followers, key="question_id") as load,
    ):
        load.open(followers)
        load.wait_until("ready")
        authors = [_sign_in(crowded), _sign_in(empty)]
        for each in authors:
            _ask(each, 0)
        time.sleep(1)
        load.reset()
        pairs = [
            (_ask_and_wait(authors[0], load, number), _ask(authors[1], number))
            for number in range(1, plan.site_posts + 1)
        ]
        rows = _rows(crowded, load, pairs)
    rows = [{**row, "streams": n} for row, n in zip(rows, (followers, 0), strict=True)]
    return {"rows": rows, "goals": _goals(rows, pairs), "missing": {}}


def _sign_in(server: Ours) -> Browser:
    browser = Browser(server.port)
    browser.sign_in(AUTHOR, PASSWORD)
    return browser


def _ask(author: Browser, number: int) -> Post:
    token = author.token("/ask/")
    time.sleep(PAUSE_SECONDS)
    sent = time.monotonic_ns()
    target = author.post(
        "/ask/",
        csrfmiddlewaretoken=token,
        title=f"Question {number} of the bench",
        body="How long until all followers have it?",
        topics=COMMON,
    )
    answered = time.monotonic_ns()
    return Post(int(target.strip("/").rpartition("/")[2]), sent, answered)


def _ask_and_wait(author: Browser, load: Load, number: int) -> Post:
    before = load.status()["events"]
    post = _ask(author, number)
    wait_for(
        lambda: load.status()["events"] >= before + load.opened,
        what=f"question {number} on all streams",
        seconds=30,
    )
    return post


def _rows(
    server: Ours, load: Load, pairs: list[tuple[Post, Post]]
) -> list[dict[str, Any]]:
    commits = server.commit_times()
    numbers = [post.question for post, _ in pairs]
    arrivals = load.arrivals(range(min(numbers), max(numbers) + 1))
    last = {number: arrivals[number][1] for number in numbers}
    crowded = {
        **_times("post", [post.milliseconds for post, _ in pairs]),
        **_times("commit_to_last", [(last[n] - commits[n]) / 1e6 for n in numbers]),
        **_times(
            "post_to_last", [(last[p.question] - p.sent_ns) / 1e6 for p, _ in pairs]
        ),
        "lost": sum(load.opened - arrivals[number][0] for number in numbers),
        "client_cpu": load.report().cpu_share,
    }
    empty = _times("post", [post.milliseconds for _, post in pairs])
    return [{"server": "ours", **crowded}, {"server": "ours", **empty}]


def _times(name: str, values: list[float]) -> Sample:
    return {
        f"{name}_p50_ms": quantile(values, 0.5),
        f"{name}_p99_ms": quantile(values, 0.99),
        "posts": len(values),
    }


def _goals(
    rows: list[dict[str, Any]], pairs: list[tuple[Post, Post]]
) -> list[dict[str, Any]]:
    crowded = [{"ms": post.milliseconds} for post, _ in pairs]
    empty = [{"ms": post.milliseconds} for _, post in pairs]
    return [
        goal(
            "p99 from commit to the last browser, in ms",
            rows[0]["commit_to_last_p99_ms"],
            most=100,
        ),
        goal(
            "time of a post relative to one without streams (median)",
            ratio(crowded, empty, "ms"),
            most=SLOWER,
        ),
        goal("lost events", rows[0]["lost"], most=0),
    ]
