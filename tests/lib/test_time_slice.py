from notifications.lib.time_slice import GO_ITEMS, GO_SECONDS, TimeSlicer

# What an item takes where a go is over at the second look at the clock.
TWO_LOOKS = GO_SECONDS / (1.5 * GO_ITEMS)


class Clock:
    """A clock in seconds that goes on with each item, and what happened by it."""

    def __init__(self, *, each=0.0, pause=0.0):
        self.now = 0.0
        self._each = each
        self._pause = pause
        # After how many items there was a pause.
        self.pauses = []
        self.worked = []

    def pause(self):
        self.pauses.append(len(self.worked))
        self.now += self._pause

    def go_through(self, several):
        time_slicer = TimeSlicer(pause=self.pause, clock=lambda: self.now)
        for each in time_slicer.of(several):
            self.worked.append(each)
            self.now += self._each


def test_all_come_in_order():
    clock = Clock(each=GO_SECONDS / 10)
    several = list(range(10 * GO_ITEMS + 5))

    clock.go_through(several)

    assert clock.worked == several


def test_of_none_there_is_none_and_no_pause():
    clock = Clock()

    clock.go_through([])

    assert (clock.worked, clock.pauses) == ([], [])


def test_what_is_quick_is_not_interrupted():
    clock = Clock(each=GO_SECONDS / 1_000)

    clock.go_through(range(900))

    assert clock.pauses == []


def test_others_work_whenever_a_go_is_over():
    clock = Clock(each=TWO_LOOKS)

    clock.go_through(range(8 * GO_ITEMS))

    assert clock.pauses == [2 * GO_ITEMS, 4 * GO_ITEMS, 6 * GO_ITEMS, 8 * GO_ITEMS]


def test_what_is_slow_is_interrupted_no_more_often_than_the_clock_is_looked_at():
    clock = Clock(each=1)

    clock.go_through(range(3 * GO_ITEMS + 1))

    assert clock.pauses == [GO_ITEMS, 2 * GO_ITEMS, 3 * GO_ITEMS, 3 * GO_ITEMS + 1]


def test_the_time_that_others_took_is_not_counted():
    clock = Clock(each=TWO_LOOKS, pause=60)

    clock.go_through(range(6 * GO_ITEMS))

    assert clock.pauses == [2 * GO_ITEMS, 4 * GO_ITEMS, 6 * GO_ITEMS]
