"""The modules by themselves, with a clock, an EventSource and a fetch of the tests."""

import pytest


def test_wait_doubles_up_to_a_minute_and_is_random(run):
    attempts = [[0, 0], [0, 1], [1, 1], [2, 0.5], [50, 0.1], [2000, 1]]

    waits = run("connection.waits", attempts)

    assert waits == [0, 1000, 2000, 2000, 6000, 60_000]


def test_stream_starts_at_the_cursor_of_the_page(run):
    assert run("connection.addressOfStream") == (
        "/stream/?user=7&topic=a%3A1&last_event_id=1-0"
    )


def test_stream_of_a_signed_in_reader_says_how_many_were_unseen(run):
    assert run("connection.unseenInAddress") == ["0", "4"]


def test_stream_that_was_cut_off_goes_on_from_the_last_event(run):
    assert run("connection.cursorsAfterCut") == ["1-0", "3-0"]


def test_stream_waits_longer_after_each_failure_until_something_arrives(run):
    assert run("connection.openedAfterEachFailure") == [1, 2, 2, 3, 4]


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 409])
def test_refused_stream_is_not_opened_again(run, status):
    opened, refusals = run("connection.refusedWith", status)

    assert (opened, refusals) == (1, 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_stream_is_opened_again_after_an_error_of_the_server(run, status):
    assert run("connection.openedAfterServerError", status) == 2


def test_stream_is_not_opened_before_retry_after(run):
    assert run("connection.openedAroundRetryAfter") == [1, 2]


def test_silent_stream_counts_as_dead(run):
    assert run("connection.silentStream") == [1, 2, 1, 0]


def test_stream_that_the_server_closes_is_opened_again(run):
    assert run("connection.streamClosedByServer") == [2, 1]


def test_connection_closed_twice_is_closed(run):
    assert run("connection.closedTwice") == [1, 0, 0]


def test_stream_closed_while_it_waits_is_not_opened(run):
    assert run("connection.closedWhileWaiting") == 1


def test_stream_closed_while_its_status_is_fetched_is_not_opened(run):
    opened, refusals = run("connection.closedWhileStatusIsFetched")

    assert (opened, refusals) == (1, 0)


def test_connection_reports_its_states(run):
    assert run("connection.states") == ["live", "lost", "live", "connecting"]


def test_connection_reports_each_frame(run):
    assert run("connection.frames") == [
        ["new_post", "2-0"],
        ["reset", "9-0"],
        ["heartbeat", "10-0"],
    ]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("reset", {"reason": "gap"}),
        ("count", {"unseen": None}),
        ("server_closed", {"reason": "permissions_changed"}),
    ],
)
def test_lost_position_is_fetched_before_the_page_is_notified(run, name, detail):
    before, frames, requests, url = run("connection.lostPosition", name, detail)

    assert before == 0
    assert frames == [["reset", "8-0"], ["count", "8-0"]]
    assert requests == ["/inbox/?user=7&limit=0"]
    assert url == "/stream/?user=7&topic=a%3A1&last_event_id=8-0&unseen=7"


def test_lost_position_is_fetched_again_after_a_failure(run):
    requests, frames = run("connection.lostPositionFetchedAgain")

    assert requests == [1, 2]
    assert frames == [["reset", "8-0"], ["count", "8-0"]]


def test_count_that_a_retraction_made_unknown_is_fetched_later(run):
    early, frames, requests, url = run("connection.countLostByRetraction")

    assert early == [0, 1]
    assert frames == [["retracted", "5-0"], ["new_post", "6-0"], ["count", "6-0"]]
    assert requests == ["/inbox/?user=7&limit=0&as_of=6-0"]
    assert url == "/stream/?user=7&topic=a%3A1&last_event_id=6-0&unseen=2"


def test_several_retractions_lead_to_one_request(run):
    assert run("connection.countLostByRetractions") == [
        "/inbox/?user=7&limit=0&as_of=7-0"
    ]


def test_count_is_fetched_again_after_a_failure(run):
    requests, states, url = run("connection.countFetchedAgain")

    assert requests == ["/inbox/?user=7&limit=0&as_of=6-0"] * 2
    assert states == ["live", "lost"]
    assert url == "/stream/?user=7&topic=a%3A1&last_event_id=6-0&unseen=2"


def test_connection_that_is_closed_fetches_no_count(run):
    assert run("connection.closedBeforeRecount") == [0, 0]


def test_connection_polls_when_its_stream_is_held_back(run):
    early, requests, states, streams, frames = run("polling.streamHeldBack")

    assert early == 0
    assert requests == [
        "/poll/?user=7&topic=a%3A1&unseen=0",
        "/poll/?user=7&topic=a%3A1&after=1-0&unseen=0",
        "/poll/?user=7&topic=a%3A1&after=5-0&unseen=0",
    ]
    assert states == ["polling"]
    assert streams == 0
    assert [each for each in frames if each[1]] == [
        ["new_post", "4-0"],
        ["heartbeat", "5-0"],
    ]


def test_stream_that_got_through_before_has_time_after_a_restart(run):
    assert run("polling.streamThatGotThroughBefore") == [0, 2]


def test_poll_says_what_is_shown_of_presence(run):
    url = run("polling.presenceShown")

    assert url.endswith("&after=6-0&unseen=0&presence=z&presence=y")


def test_next_page_polls_at_once_when_streams_are_held_back(run):
    opened, request = run("polling.nextPage")

    assert (opened, request) == (1, "/poll/?user=7&after=6-0")


def test_streaming_is_tried_again_after_some_minutes(run):
    opened, state = run("polling.streamTriedAgain")

    assert (opened, state) == (1, "polling")


def test_network_that_answers_nothing_does_not_count_as_a_proxy(run):
    state, opened, kept = run("polling.networkThatAnswersNothing")

    assert (state, opened, kept) == ("lost", 1, 0)


@pytest.mark.parametrize("ready_state", [0, 2], ids=["it retries", "it gives up"])
def test_connection_polls_when_its_streams_are_cut_though_polls_are_not(
    run, ready_state
):
    opened, polls, states, kept = run("polling.streamCutEachTime", ready_state)

    assert opened == 2
    assert polls == [
        "/poll/?user=7&topic=a%3A1",
        "/poll/?user=7&topic=a%3A1",
        "/poll/?user=7&topic=a%3A1&after=1-0",
        "/poll/?user=7&topic=a%3A1&after=5-0",
    ]
    assert states == ["lost", "polling", "lost", "polling"]
    assert kept["notificationsPollUntil"] > 0


def test_stream_that_is_cut_once_is_opened_again(run):
    states, kept = run("polling.streamCutOnce")

    assert states[-1] == "live"
    assert kept == 0


def test_network_that_is_away_does_not_count_as_a_proxy(run):
    assert run("polling.networkAway") == ["live", 0]


def test_stream_is_opened_again_when_the_code_for_polls_cannot_be_loaded(run):
    assert run("polling.codeThatCannotBeLoaded") == 2


def test_stream_that_the_server_ends_at_once_is_opened_again(run):
    assert run("polling.streamEndedBeforeItsFirstEvent") == [2, []]


def test_browser_without_eventsource_polls(run):
    states, request = run("polling.withoutEventSource")

    assert (states, request) == (["polling"], "/poll/?user=7&topic=a%3A1&after=1-0")


def test_failed_poll_is_repeated_later_and_a_refused_one_is_not(run):
    requests, refusals = run("polling.failedThenRefused")

    assert (requests, refusals) == ([1, 2], 1)


def test_poll_without_an_answer_is_given_up(run):
    assert run("polling.pollWithoutAnswer") == ["polling", "lost"]


@pytest.mark.parametrize(("shares", "wait"), [(True, 60_000), (False, 5_000)])
def test_page_that_is_hidden_for_a_while_rests(run, shares, wait):
    calls = run("page_life.hiddenFor", wait, shares)

    assert calls == ["wait", "resign", "start"]


def test_page_that_is_hidden_for_a_moment_does_not_rest(run):
    assert "resign" not in run("page_life.hiddenForAMoment")


def test_page_that_is_left_stops_until_it_is_shown_again(run):
    assert run("page_life.left") == ["stop", "start"]


def test_page_whose_network_changes_connects_anew(run):
    assert run("page_life.networkChanged") == ["reopen"]


def test_page_life_that_is_stopped_does_nothing_more(run):
    assert run("page_life.stopped") == ["stop"]


def test_coalescing_task_runs_one_at_a_time_and_once_more_when_requested(run):
    most, runs = run("page_life.coalescedRuns")

    assert (most, runs) == (1, 3)


def test_feature_is_loaded_when_the_page_has_its_element(run):
    at_start, notes = run("features.loadedWhenShown")

    assert at_start == ["load first-part", "start first-part"]
    assert notes == [*at_start, "load second-part", "start second-part"]


def test_feature_that_could_not_be_loaded_is_loaded_later(run):
    early, notes = run("features.loadedAfterAFailure")

    assert early == ["load first-part"]
    assert notes == ["load first-part", "load first-part", "start first-part"]


def test_feature_that_fails_to_start_is_reported_once(run):
    assert run("features.startedWithAnError") == [["start"], ["wrong"]]


@pytest.mark.parametrize(
    ("counts", "rows"),
    [
        # Two events of one row, and one of another.
        ([{"unseen": 2, "more": ["a", "a"]}, {"unseen": 3, "more": ["b"]}], [1, 2]),
        # The same count, on another stream of the tabs.
        ([{"unseen": 1, "more": ["a"]}, {"unseen": 1, "more": ["a"]}], [1, 1]),
        # A count that begins before what is known.
        (
            [{"unseen": 2, "more": ["a", "b"]}, {"unseen": 3, "more": ["b", "c"]}],
            [2, 3],
        ),
        # A row stays until its last event is retracted.
        (
            [
                {"unseen": 3, "rows": ["a", "a", "b"]},
                {"unseen": 2, "less": ["a"]},
                {"unseen": 1, "less": ["a"]},
                {"unseen": 0, "less": ["b"]},
            ],
            [2, 2, 1, 0],
        ),
        # A server of an older version names no rows.
        ([{"unseen": 3}, {"unseen": 4, "more": ["a"]}, {"unseen": 2}], [3, 4, 2]),
        # 100 means 100 or more.
        (
            [{"unseen": 100, "rows": ["a"] * 100}, {"unseen": 100, "more": ["b"]}],
            [1, 2],
        ),
    ],
)
def test_rows_of_unseen_events_are_counted(run, counts, rows):
    assert run("unseen_rows.numbers", counts) == rows


def test_page_is_ready_when_elements_of_the_site_are_defined(run):
    assert run("features.readyWhenDefined") == [False, None]


def test_features_that_are_stopped_load_nothing_more(run):
    assert run("features.stopped") == []


def test_message_is_shown_for_a_while_and_longer_with_a_button(run):
    assert run("toasts.timesOfMessages") == [
        ["plain", "with a button", "staying"],
        ["with a button", "staying"],
        ["staying"],
        ["staying"],
    ]


def test_message_waits_until_the_page_is_visible(run):
    assert run("toasts.messageWhileThePageIsHidden") == [["unseen"], []]


def test_message_replaces_the_same_one_and_the_oldest_of_four(run):
    assert run("toasts.messagesAreBounded") == ["b", "c", "d"]


def test_message_that_is_shown_again_is_visible(run):
    assert run("toasts.messageIsRepeated") == [["Muted."], True]


def test_message_is_read_by_screen_readers(run):
    assert run("toasts.messageIsRead") == ["", "Muted."]


def test_message_is_dismissed_by_escape_and_gives_the_focus_back(run):
    assert run("toasts.keysInAMessage") == [["dismissed", "undone"], True, []]


def test_pending_state_is_shown_after_a_moment_until_the_reply(run):
    found = run("page_life.pendingStates")

    assert found == [None, None, "true", "reply", None, 0]
