"""The modules by themselves, with a clock, an EventSource and a fetch of the tests."""

import pytest

FAKES = """
class Clock {
  #timers = new Map(); #next = 1; now = 0;
  setTimeout(action, after) {
    this.#timers.set(this.#next, [this.now + after, action]);
    return this.#next++;
  }
  clearTimeout(id) { this.#timers.delete(id); }
  pass(milliseconds) {
    this.now += milliseconds;
    for (const [id, [due, action]] of [...this.#timers]) {
      if (due <= this.now && this.#timers.delete(id)) action();
    }
  }
  get waiting() { return this.#timers.size; }
}
class Source extends EventTarget {
  static all = [];
  readyState = 0;
  constructor(url) { super(); this.url = url; Source.all.push(this); }
  close() { this.readyState = 2; this.closed = true; }
  send(type, detail, lastEventId) {
    const data = JSON.stringify(detail);
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId }));
  }
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
  static get open() { return Source.all.filter((each) => !each.closed); }
  static get last() { return Source.all.at(-1); }
  static get cursors() {
    const queries = Source.all.map((each) => new URL(each.url).searchParams);
    return queries.map((each) => each.get("last_event_id"));
  }
}
const settle = () => new Promise((done) => setTimeout(done));
"""
STREAM = """
const { NotificationStream } = await import("/static/notifications/stream.js");
const clock = new Clock();
let status = 503;
const target = new EventTarget();
const stream = new NotificationStream({
  url: "http://site/stream/?topic=a:1", types: ["new_post"], cursor: "1-0", first: 1000,
  heartbeat: 10000, target, EventSource: Source, clock, random: () => 1,
  fetch: async () => ({ status }),
});
stream.start();
"""


@pytest.fixture
def run(visit):
    """Run the body of an async function with the fakes; return what it returns."""
    page = visit("/")
    return lambda code: page.evaluate(f"async () => {{ {FAKES} {code} }}")


def test_wait_doubles_up_to_a_minute_and_half_of_it_is_chance(run):
    waits = run("""
        const { backoff } = await import("/static/notifications/backoff.js");
        const wait = (failures, random) => backoff(failures, { first: 1000, random });
        const tries = [[0, 0], [0, 1], [1, 1], [2, 0.5], [50, 0], [2000, 1]];
        return tries.map((each) => wait(...each));
    """)

    assert waits == [500, 1000, 2000, 3000, 30_000, 60_000]


def test_stream_starts_at_the_cursor_of_the_page(run):
    url = run(STREAM + "return Source.last.url;")

    assert url == "http://site/stream/?topic=a%3A1&last_event_id=1-0"


def test_stream_that_was_cut_off_goes_on_from_the_last_event(run):
    cursors = run(
        STREAM
        + """
        Source.last.send("new_post", {}, "2-0");
        Source.last.send("heartbeat", {}, "3-0");
        Source.last.fail(0);
        clock.pass(1000);
        return Source.cursors;
    """
    )

    assert cursors == ["1-0", "3-0"]


def test_stream_waits_longer_after_each_failure_until_something_comes(run):
    opened = run(
        STREAM
        + """
        const after = (time) => { clock.pass(time); return Source.all.length; };
        const opened = [];
        Source.last.fail(0); opened.push(after(999), after(1));
        Source.last.fail(0); opened.push(after(1999), after(1));
        Source.last.send("heartbeat", {}, "3-0");
        Source.last.fail(0); opened.push(after(1000));
        return opened;
    """
    )

    assert opened == [1, 2, 2, 3, 4]


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404])
def test_refused_stream_is_not_asked_for_again(run, status):
    opened = run(
        STREAM
        + f"status = {status};"
        + "Source.last.fail(2); await settle(); clock.pass(60000);"
        + "return Source.all.length;"
    )

    assert opened == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_stream_is_asked_for_again_after_an_error_of_the_server(run, status):
    opened = run(
        STREAM
        + f"status = {status};"
        + "Source.last.fail(2); await settle(); clock.pass(1000);"
        + "return Source.all.length;"
    )

    assert opened == 2


def test_silent_stream_is_taken_for_dead(run):
    opened = run(
        STREAM
        + """
        clock.pass(24999);
        Source.last.send("heartbeat", {}, "3-0");
        clock.pass(24999);
        const alive = Source.all.length;
        clock.pass(1); clock.pass(1000);
        return [alive, Source.all.length, Source.open.length];
    """
    )

    assert opened == [1, 2, 1]


def test_stream_that_the_server_closes_is_opened_again(run):
    opened = run(
        STREAM
        + """
        Source.last.send("server_closed", {}, "");
        clock.pass(1000);
        return [Source.all.length, Source.open.length];
    """
    )

    assert opened == [2, 1]


def test_stopping_twice_and_starting_twice_is_doing_it_once(run):
    counts = run(
        STREAM
        + """
        stream.start();
        const started = Source.open.length;
        stream.stop(); stream.stop();
        return [started, Source.open.length, clock.waiting];
    """
    )

    assert counts == [1, 0, 0]


def test_stream_stopped_while_it_waits_is_not_opened(run):
    opened = run(
        STREAM
        + "Source.last.fail(0); stream.stop(); clock.pass(60000);"
        + "return Source.all.length;"
    )

    assert opened == 1


def test_page_hears_an_event_under_its_type_and_under_all(run):
    heard = run(
        STREAM
        + """
        const heard = [];
        for (const kind of ["", ":new_post", ":reset"]) {
          const hear = ({ type, detail }) => heard.push([type, detail]);
          target.addEventListener(`notifications${kind}`, hear);
        }
        Source.last.send("new_post", { uid: "u" }, "2-0");
        Source.last.send("reset", { reason: "gap" }, "9-0");
        return heard;
    """
    )

    assert heard == [
        ["notifications:new_post", {"uid": "u"}],
        ["notifications", {"uid": "u"}],
        ["notifications:reset", {"reason": "gap"}],
        ["notifications", {"reason": "gap"}],
    ]


LIFE = """
const { PageLife } = await import("/static/notifications/page-life.js");
const clock = new Clock();
const said = [];
const stream = { start: () => said.push("start"), stop: () => said.push("stop") };
const page = new EventTarget();
page.document = new EventTarget();
const hide = (hidden) => {
  page.document.hidden = hidden;
  page.document.dispatchEvent(new Event("visibilitychange"));
};
const life = new PageLife(stream, { window: page, clock });
life.start();
"""


def test_page_that_is_hidden_for_a_while_gives_its_stream_back(run):
    said = run(
        LIFE
        + "hide(true); clock.pass(4999); said.push('wait'); clock.pass(1);"
        + "hide(false); return said;"
    )

    assert said == ["start", "wait", "stop", "start"]


def test_page_that_is_hidden_for_a_moment_keeps_its_stream(run):
    said = run(
        LIFE
        + "hide(true); clock.pass(100); hide(false); clock.pass(9999); return said;"
    )

    assert "stop" not in said


def test_page_that_is_left_closes_its_stream_and_opens_it_on_return(run):
    said = run(
        LIFE
        + "page.dispatchEvent(new Event('pagehide'));"
        + "page.dispatchEvent(new Event('pageshow')); return said;"
    )

    assert said == ["start", "stop", "start"]


def test_page_whose_life_is_stopped_does_nothing_any_more(run):
    said = run(LIFE + "life.stop(); hide(true); hide(false); return said;")

    assert said == ["start", "stop"]


def test_turns_run_one_at_a_time_and_none_is_lost(run):
    most, runs = run("""
        const { Turns } = await import("/static/notifications/turns.js");
        let now = 0, most = 0, runs = 0;
        const turns = new Turns(async () => {
          most = Math.max(most, ++now); await settle(); runs++; now--;
        });
        turns.ask(); turns.ask(); turns.ask();
        await settle(); await settle(); await settle();
        turns.ask();
        await settle(); await settle();
        return [most, runs];
    """)

    assert (most, runs) == (1, 3)
