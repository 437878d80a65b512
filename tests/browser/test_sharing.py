"""Tabs that share a connection, with locks, a channel and connections of the tests."""


def test_tabs_have_one_connection_with_the_topics_of_all(run):
    assert run("sharing.connectionOfAll") == [["3-0", "0", ["a:1", "b:1"]]]


def test_each_tab_receives_what_comes_after_its_own_cursor_once(run):
    received = run("sharing.eventsAfterEachCursor")

    assert received == [
        ["six", "ten", "eleven"],
        ["four", "six", "ten", "eleven"],
        ["ten", "eleven"],
    ]


def test_count_at_the_cursor_of_a_tab_is_received_and_an_older_one_is_not(run):
    assert run("sharing.countsAtACursor") == [[1, 2], [2]]


def test_count_and_heartbeat_advance_the_cursor_of_a_tab(run):
    opened = run("sharing.countAndHeartbeatMoveOn")

    assert opened == [["5-0", "0", []], ["7-0", "3", []]]


def test_reset_reaches_every_tab(run):
    assert run("sharing.reset") == [["reset", "event"]] * 2


def test_tab_without_new_topics_leaves_the_connection_open(run):
    opened, received = run("sharing.lateTabWithoutNewTopics")

    assert opened == [["5-0", "0", ["a:1", "b:1"]]]
    assert received == ["event"]


def test_late_tab_is_told_who_is_present_and_keeps_its_cursor(run):
    first, late = run("sharing.presenceForALateTab")

    assert first == ["presence", "presence", "event"]
    assert late == ["presence"]


def test_tabs_that_bring_topics_together_reopen_the_connection_once(run):
    opened = run("sharing.lateTabsWithNewTopics")

    assert opened[1:] == [["6-0", "0", ["a:1", "b:1", "c:1"]]]


def test_tab_that_is_behind_takes_the_connection_back_to_its_own_position(run):
    opened, received = run("sharing.lateTabThatIsBehind")

    assert opened == ["6-0", "0", ["a:1"]]
    assert received == [["nine"], ["seven", "nine"]]


def test_tab_receives_nothing_before_the_connection_has_its_topics(run):
    """Its cursor would advance past events of its own that came before."""
    received, cursor = run("sharing.eventsBeforeTheNewTopics")

    assert received == ["of b", "of a"]
    assert cursor == "5-0"


def test_next_tab_takes_over_when_the_leading_one_stops(run):
    opened, received, states = run("sharing.leaderThatStops")

    assert opened == [
        ["5-0", "0", ["a:1", "b:1", "c:1"]],
        ["6-0", "0", ["b:1", "c:1"]],
    ]
    assert received == [["six"], ["six", "seven"], ["six", "seven"]]
    assert states[-3:] == ["live", "connecting", "live"] or states[-1] == "live"


def test_tab_that_starts_again_joins_again(run):
    received, last_opened, connections = run("sharing.tabThatStartsAgain")

    assert received == ["six", "of a", "of b"]
    assert last_opened == ["6-0", "0", ["b:1", "a:1"]]
    assert connections == 1


def test_topics_of_a_stopped_tab_are_dropped_when_the_connection_reopens(run):
    assert run("sharing.topicsOfAStoppedTab") == ["a:1", "c:1"]


def test_leader_that_rests_hands_the_connection_over_and_still_receives(run):
    received, connections, second_opened = run("sharing.leaderThatRests")

    assert received == ["of a"]
    assert connections == 1
    assert second_opened == ["5-0", "0", ["b:1", "a:1"]]


def test_no_connection_is_open_while_all_tabs_rest(run):
    resting, connections, last_opened = run("sharing.allRest")

    assert (resting, connections) == (0, 1)
    assert last_opened == ["5-0", "0", ["b:1", "a:1"]]


def test_tab_stopped_twice_is_stopped(run):
    assert run("sharing.stoppedTwice") == [0, 0, "connecting"]


def test_tab_that_stops_before_it_is_elected_does_not_lead(run):
    assert run("sharing.stoppedBeforeElected") == 0


def test_tab_takes_the_lead_from_a_frozen_one(run):
    before, connections, cursor, received = run("sharing.frozenLeader")

    assert before == 1
    assert connections == 1
    assert cursor == "7-0"
    assert received == ["six", "seven", "eight"]


def test_leader_whose_connection_is_lost_keeps_the_lead(run):
    assert run("sharing.leaderWithALostConnection") == 1


def test_tab_that_is_denied_locks_stands_alone(run):
    assert run("sharing.locksThatAreDenied") == ["six"]


def test_all_tabs_know_the_state_of_the_connection(run):
    assert run("sharing_states.stateOfAll") == ["lost"] * 3


def test_tab_that_is_visible_again_reopens_a_lost_connection(run):
    assert run("sharing_states.tabThatIsVisibleAgain") == [0, 1]


def test_connection_that_is_refused_stops_for_good(run):
    state, connections, opened = run("sharing_states.refused")

    assert state == "stopped"
    assert (connections, opened) == (0, 1)


def test_all_tabs_stop_when_somebody_else_is_signed_in(run):
    states, received, opened = run("sharing_states.otherUser")

    assert states == ["stopped", "stopped"]
    assert received == [["user"], ["user"]]
    assert opened == 0


def test_tab_whose_topics_are_refused_stands_alone(run):
    topics, states = run("sharing_states.topicsThatAreRefused")

    assert topics == [["a:1", "b:1"]]
    assert states == ["live", "live", "stopped"]


def test_tab_that_stands_alone_receives_from_its_own_connection_only(run):
    assert run("sharing_states.ownConnectionAlone") == [["of a"], ["of b"]]


def test_tabs_of_two_readers_have_a_connection_each(run):
    connections, one, another = run("sharing_states.tabsOfTwoReaders")

    assert (connections, one, another) == (2, ["event"], [])


def test_tab_without_locks_has_a_connection_of_its_own(run):
    received, resting, position = run("sharing_states.withoutLocks")

    assert received == [["of a"], []]
    assert resting == 1
    assert position == {"cursor": "6-0", "unseen": "0", "rows": []}
