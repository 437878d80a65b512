"""Tabs that share a connection, with locks, a channel and connections of the tests."""

import pytest

TABS = """
const { Tab } = await import("/static/notifications/tabs.js");
const locks = new Locks();
const { open } = new Channels();
const clock = new Clock();

/** A connection that does what the test says. */
class Connection {
  static all = [];
  static get open() { return Connection.all.filter((each) => each.pair); }
  static get opened() { return Connection.all.flatMap((each) => each.opened); }
  state = "connecting"; pair = null; opened = []; reopened = 0;
  constructor(on) { this.on = on; Connection.all.push(this); }
  open(pair, topics) {
    this.pair = { ...pair }; this.topics = topics;
    this.opened.push([pair.cursor, pair.unseen, [...topics]]);
  }
  reopen() { this.reopened++; }
  become(state) { this.state = state; this.on.changed(state); }
  close() { this.pair = null; this.become("connecting"); }
  bring(type, id, detail = {}) {
    if (this.state !== "live") this.become("live");
    this.pair.cursor = id;
    this.on.heard({ type, id, detail });
  }
}
const tab = (topics = [], cursor = "5-0", more = {}) => {
  const told = [], states = [];
  const page = {
    tell: (type, detail) => told.push(type === "count" ? detail.unseen : type),
    become: (state) => states.push(state),
  };
  const connect = (on) => new Connection(on);
  const options = { name: "n", topics, page, patience: 45_000, connect, clock };
  const pair = { cursor, unseen: "0" };
  const each = new Tab({ ...options, pair, group: { locks, open }, ...more });
  return Object.assign(each, { told, states });
};
const gather = async () => { await settle(); clock.pass(50); await settle(); };
const start = async (...tabs) => {
  for (const each of tabs) each.start();
  await gather();
};
"""


@pytest.fixture
def share(run):
    """Run code with tabs that share connections of the test."""
    return lambda code: run(TABS + code)


def test_tabs_have_one_connection_with_the_topics_of_all(share):
    opened = share("""
        await start(tab(["a:1"]), tab(["b:1", "a:1"], "3-0"), tab());
        return Connection.opened;
    """)

    assert opened == [["3-0", "0", ["a:1", "b:1"]]]


def test_each_tab_is_told_what_comes_after_its_own_cursor_once(share):
    told = share("""
        const tabs = [tab(["a:1"], "5-0"), tab(["a:1"], "3-0"), tab(["a:1"], "9-0")];
        await start(...tabs);
        const [connection] = Connection.open;
        connection.bring("four", "4-0");
        connection.bring("six", "6-0");
        connection.bring("ten", "10-0");
        connection.bring("eleven", "10-1");
        await settle();
        return tabs.map((each) => each.told);
    """)

    assert told == [
        ["six", "ten", "eleven"],
        ["four", "six", "ten", "eleven"],
        ["ten", "eleven"],
    ]


def test_number_at_the_cursor_of_a_tab_counts_and_an_older_one_does_not(share):
    told = share("""
        const tabs = [tab([], "5-0"), tab([], "6-0")];
        await start(...tabs);
        Connection.open[0].bring("count", "5-0", { unseen: 1 });
        Connection.open[0].bring("count", "6-0", { unseen: 2 });
        await settle();
        return tabs.map((each) => each.told);
    """)

    assert told == [[1, 2], [2]]


def test_number_and_heartbeat_move_a_tab_on(share):
    opened = share("""
        const [first, second] = [tab(), tab()];
        await start(first, second);
        Connection.open[0].bring("count", "6-0", { unseen: 3 });
        Connection.open[0].bring("heartbeat", "7-0");
        await settle();
        first.stop();
        await gather();
        return Connection.opened;
    """)

    assert opened == [["5-0", "0", []], ["7-0", "3", []]]


def test_reset_reaches_every_tab(share):
    told = share("""
        const tabs = [tab([], "5-0"), tab([], "9-0")];
        await start(...tabs);
        Connection.open[0].bring("reset", "2-0");
        Connection.open[0].bring("event", "3-0");
        await settle();
        return tabs.map((each) => each.told);
    """)

    assert told == [["reset", "event"]] * 2


def test_tab_that_asks_for_nothing_new_changes_nothing(share):
    opened, told = share("""
        await start(tab(["a:1", "b:1"]));
        Connection.open[0].bring("heartbeat", "6-0");
        const late = tab(["b:1"], "7-0");
        await start(late);
        Connection.open[0].bring("event", "8-0");
        await settle();
        return [Connection.opened, late.told];
    """)

    assert opened == [["5-0", "0", ["a:1", "b:1"]]]
    assert told == ["event"]


def test_tabs_with_other_topics_that_come_together_open_the_connection_once(share):
    opened = share("""
        await start(tab(["a:1"]));
        Connection.open[0].bring("heartbeat", "6-0");
        await start(tab(["b:1"], "8-0"), tab(["c:1"], "7-0"));
        return Connection.opened;
    """)

    assert opened[1:] == [["6-0", "0", ["a:1", "b:1", "c:1"]]]


def test_tab_that_is_behind_takes_the_connection_back_to_its_own_pair(share):
    opened, told = share("""
        const first = tab(["a:1"]);
        await start(first);
        Connection.open[0].bring("nine", "9-0");
        const back = tab(["a:1"], "6-0");
        await start(back);
        Connection.open[0].bring("seven", "7-0");
        Connection.open[0].bring("nine", "9-0");
        await settle();
        return [Connection.opened[1], [first.told, back.told]];
    """)

    assert opened == ["6-0", "0", ["a:1"]]
    assert told == [["nine"], ["seven", "nine"]]


def test_tab_is_told_nothing_before_the_connection_has_its_topics(share):
    """It would go on from there, and miss what was before."""
    told = share("""
        await start(tab(["a:1"]));
        const late = tab(["b:1"], "5-0");
        late.start();
        await settle();
        Connection.open[0].bring("of a", "8-0");
        await gather();
        Connection.open[0].bring("of b", "7-0");
        Connection.open[0].bring("of a", "8-0");
        await settle();
        return [late.told, Connection.opened[1][0]];
    """)

    assert told == [["of b", "of a"], "5-0"]


def test_next_tab_takes_over_when_the_one_with_the_connection_goes(share):
    opened, told, states = share("""
        const [first, second, third] = [tab(["a:1"]), tab(["b:1"]), tab(["c:1"])];
        await start(first, second, third);
        Connection.open[0].bring("six", "6-0");
        await settle();
        first.stop();
        await gather();
        Connection.open[0].bring("six", "6-0");
        Connection.open[0].bring("seven", "7-0");
        await settle();
        return [Connection.opened, [first, second, third].map((each) => each.told),
                third.states];
    """)

    assert opened == [
        ["5-0", "0", ["a:1", "b:1", "c:1"]],
        ["6-0", "0", ["b:1", "c:1"]],
    ]
    assert told == [["six"], ["six", "seven"], ["six", "seven"]]
    assert states[-3:] == ["live", "connecting", "live"] or states[-1] == "live"


def test_tab_that_came_back_joins_again(share):
    told, opened = share("""
        const [first, second] = [tab(["a:1"]), tab(["b:1"])];
        await start(first, second);
        Connection.open[0].bring("six", "6-0");
        await settle();
        first.stop();
        await gather();
        Connection.open[0].bring("of b", "7-0");
        await start(first);
        Connection.open[0].bring("of a", "6-1");
        Connection.open[0].bring("of b", "7-0");
        await settle();
        return [first.told, [Connection.opened.at(-1), Connection.open.length]];
    """)

    assert told == ["six", "of a", "of b"]
    assert opened == [["6-0", "0", ["b:1", "a:1"]], 1]


def test_topics_of_a_tab_that_is_gone_are_dropped_with_the_next_opening(share):
    opened = share("""
        const gone = tab(["b:1"]);
        await start(tab(["a:1"]), gone);
        gone.stop();
        await start(tab(["c:1"]));
        return Connection.opened.at(-1)[2];
    """)

    assert opened == ["a:1", "c:1"]


def test_tab_at_rest_gives_the_lead_away_and_goes_on_listening(share):
    told, opened = share("""
        const [first, second] = [tab(["a:1"]), tab(["b:1"])];
        await start(first, second);
        first.rest();
        await gather();
        Connection.open[0].bring("of a", "6-0");
        await settle();
        return [first.told, [Connection.open.length, Connection.opened[1]]];
    """)

    assert told == ["of a"]
    assert opened == [1, ["5-0", "0", ["b:1", "a:1"]]]


def test_no_connection_is_open_while_all_tabs_rest(share):
    counts = share("""
        const [first, second] = [tab(["a:1"]), tab(["b:1"])];
        await start(first, second);
        first.rest(); second.rest(); second.rest();
        await gather();
        const resting = Connection.open.length;
        await start(second);
        return [resting, Connection.open.length, Connection.opened.at(-1)];
    """)

    assert counts == [0, 1, ["5-0", "0", ["b:1", "a:1"]]]


def test_all_tabs_know_how_the_connection_is(share):
    states = share("""
        const [first, second] = [tab(), tab()];
        await start(first, second);
        Connection.open[0].become("live");
        Connection.open[0].become("lost");
        const late = tab();
        await start(late);
        return [first, second, late].map((each) => each.states.at(-1));
    """)

    assert states == ["lost"] * 3


def test_tab_that_is_looked_at_again_hurries_a_lost_connection(share):
    reopened = share("""
        const [first, second] = [tab(), tab()];
        await start(first, second);
        const [connection] = Connection.open;
        second.rest(); second.start(); await settle();
        const live = connection.reopened;
        connection.become("lost");
        second.rest(); second.start(); await settle();
        return [live, connection.reopened];
    """)

    assert reopened == [0, 1]


def test_connection_that_is_refused_stops_for_good(share):
    states, opened = share("""
        const only = tab();
        await start(only);
        Connection.open[0].on.refused();
        await start(only);
        return [only.states.at(-1), [Connection.open.length, Connection.opened.length]];
    """)

    assert states == "stopped"
    assert opened == [0, 1]


def test_tab_whose_topics_are_refused_stands_alone(share):
    opened, states = share("""
        const [first, second, bad] = [tab(["a:1"]), tab(["b:1"]), tab(["bad"])];
        await start(first, second);
        Connection.open[0].become("live");
        await start(bad);
        Connection.open[0].on.refused();
        await gather();
        Connection.open.find((each) => each.topics.includes("bad")).on.refused();
        Connection.open[0].become("live");
        await settle();
        return [Connection.open.map((each) => each.topics),
                [first, second, bad].map((each) => each.states.at(-1))];
    """)

    assert opened == [["a:1", "b:1"]]
    assert states == ["live", "live", "stopped"]


def test_tab_that_stands_alone_hears_its_own_connection_only(share):
    told = share("""
        const [first, other] = [tab(["a:1"]), tab(["b:1"])];
        await start(first);
        Connection.open[0].become("live");
        await start(other);
        Connection.open[0].on.refused();
        await gather();
        const [shared, own] = Connection.open;
        shared.bring("of a", "6-0");
        own.bring("of b", "7-0");
        await settle();
        return [first.told, other.told];
    """)

    assert told == [["of a"], ["of b"]]


def test_tabs_of_others_have_connections_of_their_own(share):
    told = share("""
        const [one, another] = [tab(), tab([], "5-0", { name: "other" })];
        await start(one, another);
        Connection.open[0].bring("event", "6-0");
        await settle();
        return [Connection.open.length, one.told, another.told];
    """)

    assert told == [2, ["event"], []]


def test_tab_without_locks_has_a_connection_of_its_own(share):
    told = share("""
        const tabs = [tab(["a:1"], "5-0", { group: null }), tab(["b:1"])];
        await start(...tabs);
        const connection = Connection.open.find(({ topics }) => topics[0] === "a:1");
        connection.bring("of a", "6-0");
        tabs[0].rest();
        const resting = Connection.open.length;
        await start(tabs[0]);
        return [tabs.map((each) => each.told), resting, Connection.open.at(-1).pair];
    """)

    assert told == [[["of a"], []], 1, {"cursor": "6-0", "unseen": "0"}]


def test_stopping_twice_is_stopping_once(share):
    left = share("""
        const only = tab();
        await start(only);
        only.stop(); only.stop();
        await gather();
        return [Connection.open.length, clock.waiting, only.states.at(-1)];
    """)

    assert left == [0, 0, "connecting"]


def test_tab_that_stops_before_it_is_elected_does_not_lead(share):
    opened = share("""
        const only = tab();
        only.start(); only.stop();
        await gather();
        return Connection.all.length;
    """)

    assert opened == 0


def test_tab_takes_the_lead_from_one_that_is_frozen(share):
    before, opened, told = share("""
        const [frozen, other] = [tab(["a:1"]), tab(["b:1"])];
        await start(frozen, other);
        Connection.open[0].bring("six", "6-0");
        await settle();
        clock.pass(44_999); await settle();
        const before = Connection.all.length;
        Connection.open[0].bring("seven", "7-0");
        await settle();
        clock.pass(45_000); await gather();
        Connection.open.at(-1).bring("eight", "8-0");
        await settle();
        return [before, [Connection.open.length, Connection.opened.at(-1)], other.told];
    """)

    assert before == 1
    assert opened[0] == 1
    assert opened[1][0] == "7-0"
    assert told == ["six", "seven", "eight"]


def test_nobody_takes_the_lead_from_one_whose_connection_is_lost(share):
    made = share("""
        await start(tab(), tab());
        Connection.open[0].become("live");
        Connection.open[0].become("lost");
        await settle();
        clock.pass(999_999); await gather();
        return Connection.all.length;
    """)

    assert made == 1


def test_tab_that_may_not_ask_for_locks_stands_alone(share):
    told = share("""
        const denied = async () => { throw new DOMException("", "Denied"); };
        const group = { locks: { request: denied }, open };
        const only = tab(["a:1"], "5-0", { group });
        await start(only);
        Connection.open[0].bring("six", "6-0");
        return only.told;
    """)

    assert told == ["six"]
