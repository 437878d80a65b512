"""The modules by themselves, with a clock, an EventSource and a fetch of the tests."""

import pytest

CONNECTION = """
const { Connection } = await import("/static/notifications/connection.js");
const { StreamLink } = await import("/static/notifications/connection.js");
const { PollLink } = await import("/static/notifications/polling.js");
const clock = new Clock();
const asked = [];
let answer = () => reply(503);
const fetch = async (url, { signal }) => {
  asked.push(url);
  const gone = new Promise((_, fail) => signal.addEventListener("abort", fail));
  return Promise.race([answer(url), gone]);
};
const heard = [], states = [];
let refused = 0;
const storage = {};
const common = { fetch, storage, now: () => clock.now };
const types = ["new_post", "reset", "count", "heartbeat"];
const streams = { url: "/stream/", types, patience: 25000, first: 3000, ...common };
const stream = new StreamLink({ ...streams, EventSource: Source });
const polls = { url: "/poll/", inbox: "/inbox/", patience: 35000, ...common };
const options = {
  stream, poll: async () => new PollLink(polls), first: 1000, clock, random: () => 1,
  heard: ({ type, id }) => heard.push([type, id]),
  changed: (state) => states.push(state),
  refused: () => refused++,
  ...common,
};
const connection = new Connection(options);
const start = (unseen = "") => connection.open({ cursor: "1-0", unseen }, ["a:1"]);
"""


@pytest.fixture
def connect(run):
    """Run code with a connection that is about to start, from the cursor 1-0."""
    return lambda code: run(CONNECTION + code)


def test_wait_doubles_up_to_a_minute_and_is_all_by_chance(run):
    waits = run("""
        const { backoff } = await import("/static/notifications/retry.js");
        const wait = (failures, random) => backoff(failures, { first: 1000, random });
        const tries = [[0, 0], [0, 1], [1, 1], [2, 0.5], [50, 0.1], [2000, 1]];
        return tries.map((each) => wait(...each));
    """)

    assert waits == [0, 1000, 2000, 2000, 6000, 60_000]


def test_stream_starts_at_the_cursor_of_the_page(connect):
    url = connect("start(); return Source.last.url;")

    assert url == "/stream/?topic=a%3A1&last_event_id=1-0"


def test_stream_of_somebody_says_how_much_was_unseen(connect):
    unseen = connect("""
        start("0");
        Source.last.send("count", { unseen: 4 }, "2-0");
        connection.reopen();
        return Source.all.map((each) => each.query.get("unseen"));
    """)

    assert unseen == ["0", "4"]


def test_stream_that_was_cut_off_goes_on_from_the_last_event(connect):
    cursors = connect("""
        start();
        Source.last.send("new_post", {}, "2-0");
        Source.last.send("heartbeat", {}, "3-0");
        Source.last.fail(0);
        clock.pass(1000);
        return Source.cursors;
    """)

    assert cursors == ["1-0", "3-0"]


def test_stream_waits_longer_after_each_failure_until_something_comes(connect):
    opened = connect("""
        const after = (time) => { clock.pass(time); return Source.all.length; };
        const opened = [];
        start();
        Source.last.fail(0); opened.push(after(999), after(1));
        Source.last.fail(0); opened.push(after(1999), after(1));
        Source.last.send("heartbeat", {}, "3-0");
        Source.last.fail(0); opened.push(after(1000));
        return opened;
    """)

    assert opened == [1, 2, 2, 3, 4]


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404])
def test_refused_stream_is_not_asked_for_again(connect, status):
    opened, refused = connect(
        f"answer = () => reply({status}); start();"
        "Source.last.fail(2); await settle(); clock.pass(60000);"
        "return [Source.all.length, refused];"
    )

    assert (opened, refused) == (1, 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_stream_is_asked_for_again_after_an_error_of_the_server(connect, status):
    opened = connect(
        f"answer = () => reply({status}); start();"
        "Source.last.fail(2); await settle(); clock.pass(1000);"
        "return Source.all.length;"
    )

    assert opened == 2


def test_stream_is_not_asked_for_before_the_server_wants_it(connect):
    opened = connect("""
        answer = () => reply(429, null, { "Retry-After": "5" });
        start();
        Source.last.fail(2); await settle();
        clock.pass(5999);
        const early = Source.all.length;
        clock.pass(1);
        return [early, Source.all.length];
    """)

    assert opened == [1, 2]


def test_silent_stream_is_taken_for_dead(connect):
    opened = connect("""
        start();
        Source.last.send("heartbeat", {}, "2-0");
        clock.pass(24999);
        Source.last.send("heartbeat", {}, "3-0");
        clock.pass(24999);
        const alive = Source.all.length;
        clock.pass(1); clock.pass(1000);
        return [alive, Source.all.length, Source.open.length, asked.length];
    """)

    assert opened == [1, 2, 1, 0]


def test_stream_that_the_server_closes_is_opened_again(connect):
    opened = connect("""
        start();
        Source.last.send("server_closed", {}, "");
        clock.pass(1000);
        return [Source.all.length, Source.open.length];
    """)

    assert opened == [2, 1]


def test_closing_twice_is_doing_it_once(connect):
    counts = connect("""
        start();
        const started = Source.open.length;
        connection.close(); connection.close();
        return [started, Source.open.length, clock.waiting];
    """)

    assert counts == [1, 0, 0]


def test_stream_closed_while_it_waits_is_not_opened(connect):
    opened = connect("""
        start();
        Source.last.fail(0); connection.close(); clock.pass(60000);
        return Source.all.length;
    """)

    assert opened == 1


def test_stream_closed_while_its_status_is_asked_for_is_not_opened(connect):
    opened, refused = connect("""
        answer = () => reply(404);
        start();
        Source.last.fail(2); connection.close(); await settle(); clock.pass(60000);
        return [Source.all.length, refused];
    """)

    assert (opened, refused) == (1, 0)


def test_connection_says_how_it_is(connect):
    states = connect("""
        start();
        Source.last.send("heartbeat", {}, "2-0");
        Source.last.fail(0); clock.pass(1000);
        Source.last.send("heartbeat", {}, "3-0");
        connection.close();
        return states;
    """)

    assert states == ["live", "lost", "live", "connecting"]


def test_what_comes_is_told(connect):
    heard = connect("""
        start();
        Source.last.send("new_post", { uid: "u" }, "2-0");
        Source.last.send("reset", { reason: "gap" }, "9-0");
        Source.last.send("heartbeat", {}, "10-0");
        return heard;
    """)

    assert heard == [["new_post", "2-0"], ["reset", "9-0"], ["heartbeat", "10-0"]]


@pytest.mark.parametrize(
    "lost", ['"reset", { reason: "gap" }', '"count", { unseen: null }']
)
def test_pair_that_is_lost_is_asked_for_before_the_page_is_told(connect, lost):
    before, heard, asked, url = connect(
        f'start("3"); Source.last.send({lost}, "5-0");'
        """
        answer = () => reply(200, { unseen: 7, cursor: "8-0" });
        const before = heard.length;
        clock.pass(1000); await settle();
        return [before, heard, asked, Source.last.url];
    """
    )

    assert before == 0
    assert heard == [["reset", "8-0"], ["count", "8-0"]]
    assert asked == ["/inbox/?limit=0"]
    assert url == "/stream/?topic=a%3A1&last_event_id=8-0&unseen=7"


def test_pair_is_asked_for_until_it_comes(connect):
    asked, heard = connect("""
        start("3"); Source.last.send("reset", {}, "5-0");
        clock.pass(1000); await settle();
        clock.pass(1999); await settle();
        const early = asked.length;
        answer = () => reply(200, { unseen: 7, cursor: "8-0" });
        clock.pass(1); await settle();
        return [[early, asked.length], heard];
    """)

    assert asked == [1, 2]
    assert heard == [["reset", "8-0"], ["count", "8-0"]]


POLLS = """
const waiting = [];
let sent = { events: [], cursor: "5-0" };
answer = (url) => {
  if (!url.includes("after=")) return reply(200, { events: [], cursor: "9-0" });
  return new Promise((done) => waiting.push(() => done(reply(200, sent))));
};
const come = async (events, cursor) => {
  sent = { events, cursor }; waiting.pop()(); await settle();
};
"""


def test_stream_that_is_kept_back_gives_way_to_polling(connect):
    asked, states, opened, heard = connect(
        POLLS
        + """
        start("0");
        clock.pass(2999); await settle();
        const early = asked.length;
        clock.pass(1); await settle();
        await come([{ id: "4-0", event: "new_post", data: {} }], "5-0");
        return [[early, ...asked], states, Source.open.length, heard];
    """
    )

    assert asked == [
        0,
        "/poll/?topic=a%3A1&unseen=0",
        "/poll/?topic=a%3A1&after=1-0&unseen=0",
        "/poll/?topic=a%3A1&after=5-0&unseen=0",
    ]
    assert states == ["polling"]
    assert opened == 0
    assert [each for each in heard if each[1]] == [
        ["new_post", "4-0"],
        ["heartbeat", "5-0"],
    ]


def test_stream_that_got_through_before_has_time_after_a_restart(connect):
    early, asked = connect(
        POLLS
        + """
        start();
        Source.last.send("heartbeat", {}, "2-0");
        Source.last.fail(0); clock.pass(1000);
        clock.pass(24999); await settle();
        const early = asked.length;
        clock.pass(1); await settle();
        return [early, asked.length];
    """
    )

    assert (early, asked) == (0, 2)


def test_next_page_does_not_wait_to_find_out_that_streams_are_kept_back(connect):
    opened, asked = connect(
        POLLS
        + """
        start(); clock.pass(3000); await settle();
        connection.close();
        const next = new Connection(options);
        next.open({ cursor: "6-0", unseen: "" }, []);
        await settle();
        return [Source.all.length, asked.at(-1)];
    """
    )

    assert (opened, asked) == (1, "/poll/?after=6-0")


def test_streaming_is_tried_again_after_some_minutes(connect):
    opened, state = connect(
        POLLS
        + """
        start(); clock.pass(3000); await settle();
        clock.now += 300_000;
        await come([], "5-0");
        return [Source.open.length, connection.state];
    """
    )

    assert (opened, state) == (1, "polling")


def test_network_that_swallows_all_is_not_taken_for_a_proxy(connect):
    state, opened, kept = connect("""
        answer = () => new Promise(() => {});
        start();
        clock.pass(3000); await settle();
        clock.pass(35000); await settle();
        clock.pass(1000); await settle();
        return [connection.state, Source.open.length, storage.notificationsKept ?? 0];
    """)

    assert (state, opened, kept) == ("lost", 1, 0)


def test_browser_without_eventsource_polls(connect):
    states, asked = connect(
        POLLS
        + """
        const other = new Connection({ ...options, stream: undefined });
        other.open({ cursor: "1-0", unseen: "" }, ["a:1"]); await settle();
        return [states, asked.at(-1)];
    """
    )

    assert (states, asked) == (["polling"], "/poll/?topic=a%3A1&after=1-0")


def test_poll_that_fails_is_tried_again_later_and_refused_ones_are_not(connect):
    tried, refused = connect("""
        answer = () => reply(503, null, { "Retry-After": "2" });
        const other = new Connection({ ...options, stream: undefined });
        other.open({ cursor: "1-0", unseen: "" }, []); await settle();
        clock.pass(2999); await settle();
        const tried = [asked.length];
        answer = () => reply(403);
        clock.pass(1); await settle();
        clock.pass(60000); await settle();
        return [[...tried, asked.length], refused];
    """)

    assert (tried, refused) == ([1, 2], 1)


def test_poll_that_does_not_end_is_given_up(connect):
    states = connect(
        POLLS
        + """
        start(); clock.pass(3000); await settle();
        clock.pass(35000); await settle();
        return states;
    """
    )

    assert states == ["polling", "lost"]


LIFE = """
const { PageLife } = await import("/static/notifications/tabs.js");
const clock = new Clock();
const said = [];
const tab = { shares: true };
for (const each of ["start", "rest", "stop", "reopen"]) {
  tab[each] = () => said.push(each);
}
const page = new EventTarget();
page.document = new EventTarget();
const life = new PageLife(tab, { window: page, clock });
life.start();
said.length = 0;
"""


@pytest.mark.parametrize(("shares", "wait"), [("true", 60_000), ("false", 5_000)])
def test_page_that_is_hidden_for_a_while_rests(run, shares, wait):
    said = run(
        LIFE + f"tab.shares = {shares}; hide(true, page.document); said.length = 0;"
        f"clock.pass({wait - 1}); said.push('wait'); clock.pass(1);"
        "hide(false, page.document); return said;"
    )

    assert said == ["wait", "rest", "start"]


def test_page_that_is_hidden_for_a_moment_does_not_rest(run):
    said = run(
        LIFE
        + "hide(true, page.document); clock.pass(100); hide(false, page.document);"
        + "clock.pass(99999); return said;"
    )

    assert "rest" not in said


def test_page_that_is_left_takes_no_part_until_it_is_back(run):
    said = run(
        LIFE
        + "page.dispatchEvent(new Event('pagehide'));"
        + "page.dispatchEvent(new Event('pageshow')); return said;"
    )

    assert said == ["stop", "start"]


def test_page_whose_network_changes_connects_anew(run):
    said = run(LIFE + "page.dispatchEvent(new Event('online')); return said;")

    assert said == ["reopen"]


def test_page_whose_life_is_stopped_does_nothing_any_more(run):
    said = run(
        LIFE
        + "life.stop(); hide(true, page.document); hide(false, page.document);"
        + "clock.pass(99999); return said;"
    )

    assert said == ["stop"]


def test_turns_run_one_at_a_time_and_none_is_lost(run):
    most, runs = run("""
        const { Turns } = await import("/static/notifications/turns.js");
        let now = 0, most = 0, runs = 0;
        const turns = new Turns(async () => {
          most = Math.max(most, ++now); await settle(); runs++; now--;
        });
        turns.ask(); turns.ask(); turns.ask();
        await settle(20);
        turns.ask();
        await settle(20);
        return [most, runs];
    """)

    assert (most, runs) == (1, 3)
