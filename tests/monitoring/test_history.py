import msgspec
import pytest
from django.utils import translation

from notifications.conf import conf
from notifications.monitoring.charts import CHARTS, Chart, make_charts
from notifications.monitoring.history import (
    SLOT_SECONDS,
    SLOTS,
    History,
    Sample,
    Sampler,
    read_history,
)

# A slot begins here, in seconds since 1970.
START = 1_795_000_000


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.seconds = START

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry(log):
    return log.process_registry()


@pytest.fixture
def history(registry):
    """A function that returns the newest slots of the history at a time."""
    return lambda now, key: getattr(read_history(registry, now=now), key)[-2:]


def test_samples_of_a_slot_are_joined(registry, clock, history):
    sampler = Sampler("a", now=clock)
    for streams, events, lag in [(5, 2, 3), (7, 4, 9), (6, 0, None)]:
        sampler.add(Sample(streams, events, 10 * events, lag), registry)
        clock.seconds += 3
    clock.seconds = START + SLOT_SECONDS
    sampler.add(Sample(9, 9, 9, 9), registry)

    now = clock.seconds + 4

    assert history(now, "streams") == [None, 6]
    assert history(now, "events") == [None, 2]
    assert history(now, "deliveries") == [None, 20]
    assert history(now, "lag") == [None, 9]


def test_processes_are_added_up_but_read_the_same_events(registry, clock, history):
    for name, lag in (("a", 4), ("b", None)):
        store(registry, name, clock, Sample(3, 2, 5, lag))

    now = START + SLOT_SECONDS + 4

    assert history(now, "streams")[-1] == 6
    assert history(now, "events")[-1] == 2
    assert history(now, "deliveries")[-1] == 10
    assert history(now, "lag")[-1] == 4


def test_slot_is_shown_when_all_processes_have_stored_it(registry, clock, history):
    store(registry, "a", clock, Sample(3, 0, 0, None))

    assert history(START + SLOT_SECONDS + 3, "streams") == [None, None]
    assert history(START + SLOT_SECONDS + 4, "streams") == [None, 3]
    assert history(START + (SLOTS + 1) * SLOT_SECONDS, "streams") == [None, None]


def test_samples_expire(registry, clock, redis_client):
    store(registry, "a", clock, Sample(3, 0, 0, None))

    key = f"{{{conf.KEY_PREFIX}}}:samples:{START // SLOT_SECONDS}"
    assert 0 < redis_client.ttl(key) <= (SLOTS + 2) * SLOT_SECONDS


@pytest.mark.parametrize("body", [b"", b"[]", b'["x"]'])
def test_invalid_sample_is_left_out(registry, history, body):
    registry.store_sample(START // SLOT_SECONDS, "a", body, seconds=60)

    assert history(START + SLOT_SECONDS + 4, "streams") == [None, None]


def test_later_fields_of_a_sample_are_ignored(registry, history):
    body = msgspec.json.encode([3, 0, 0, None, "later"])
    registry.store_sample(START // SLOT_SECONDS, "a", body, seconds=60)

    assert history(START + SLOT_SECONDS + 4, "streams") == [None, 3]


def store(registry, name, clock, sample):
    """Store the sample of a process in the slot that begins at START."""
    clock.seconds = START
    sampler = Sampler(name, now=clock)
    sampler.add(sample, registry)
    clock.seconds = START + SLOT_SECONDS
    sampler.add(sample, registry)


def chart(values):
    padded = [*values, *[None] * (SLOTS - len(values))]
    return make_charts(History(streams=padded))["streams"]


def test_chart_has_a_line_and_the_area_below_it():
    assert chart([0, 15, 20]) == Chart(
        line="M0 100.0L10 25.0L20 0.0",
        area="M0 100.0L10 25.0L20 0.0L20 100L0 100Z",
        top="20",
        text="Between 0 and 20 in the last 10 minutes, 20 at the end.",
    )


def test_chart_is_interrupted_where_samples_are_missing():
    assert chart([1, None, 0, 1]).line == "M0 0.0L0 0.0M20 100.0L30 0.0"


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, "1"), (0.2, "0.2"), (0.3, "0.5"), (3, "5"), (1_001, "2,000")],
)
def test_chart_ends_at_a_round_number(highest, top):
    assert chart([highest]).top == top


def test_charts_without_a_history_say_so():
    charts = make_charts(None)

    assert charts.keys() == CHARTS.keys()
    assert {each.line for each in charts.values()} == {""}
    assert charts["lag"].text == "No data in the last 10 minutes."


def test_lag_is_in_milliseconds_and_localized():
    with translation.override("de"):
        shown = make_charts(History(lag=[1_500.0]))["lag"]

    assert shown.top == "2.000 ms"
