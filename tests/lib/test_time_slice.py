from notifications.lib.time_slice import (
    ITEMS_PER_CLOCK_READ,
    SLICE_SECONDS,
    TimeSlicer,
)

# The work for one item when a slice is over at the second reading of the clock.
TWO_READINGS = SLICE_SECONDS / (1.5 * ITEMS_PER_CLOCK_READ)


class Clock:
    """A clock in seconds that advances with each item, and a record of the pauses."""

    def __init__(self, *, each=0.0, pause=0.0):
        self.now = 0.0
        self._each = each
        self._pause = pause
        # How many items were done before each pause.
        self.pauses = []
        self.done = []

    def pause(self):
        self.pauses.append(len(self.done))
        self.now += self._pause

    def work_on(self, items):
        time_slicer = TimeSlicer(pause=self.pause, clock=lambda: self.now)
        for item in time_slicer.iterate(items):
            self.done.append(item)
            self.now += self._each


def test_all_items_come_in_order():
    clock = Clock(each=SLICE_SECONDS / 10)
    items = list(range(10 * ITEMS_PER_CLOCK_READ + 5))

    clock.work_on(items)

    assert clock.done == items


def test_no_items_need_no_pause():
    clock = Clock()

    clock.work_on([])

    assert (clock.done, clock.pauses) == ([], [])


def test_quick_work_is_not_interrupted():
    clock = Clock(each=SLICE_SECONDS / 1_000)

    clock.work_on(range(900))

    assert clock.pauses == []


def test_there_is_a_pause_after_each_slice():
    clock = Clock(each=TWO_READINGS)

    clock.work_on(range(8 * ITEMS_PER_CLOCK_READ))

    assert clock.pauses == [number * ITEMS_PER_CLOCK_READ for number in (2, 4, 6, 8)]


def test_slow_work_is_interrupted_only_when_the_clock_is_read():
    clock = Clock(each=1)
    count = 3 * ITEMS_PER_CLOCK_READ + 1

    clock.work_on(range(count))

    assert clock.pauses == [
        *(number * ITEMS_PER_CLOCK_READ for number in (1, 2, 3)),
        count,
    ]


def test_time_of_a_pause_does_not_count():
    clock = Clock(each=TWO_READINGS, pause=60)

    clock.work_on(range(6 * ITEMS_PER_CLOCK_READ))

    assert clock.pauses == [number * ITEMS_PER_CLOCK_READ for number in (2, 4, 6)]
