from notifications.lib.recent_keys import RecentKeys


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_key_is_remembered_for_some_time():
    clock = Clock()
    keys = RecentKeys(seconds=10, clock=clock)
    keys.add("a")
    assert "b" not in keys

    clock.now = 9
    keys.add("b")
    assert "a" in keys

    clock.now = 10
    keys.add("c")
    assert "a" not in keys
    assert "b" in keys


def test_key_that_is_added_again_is_remembered_for_longer():
    clock = Clock()
    keys = RecentKeys(seconds=10, clock=clock)
    for clock.now in (0, 8, 16):
        keys.add("a")

    clock.now = 25

    assert "a" in keys


def test_old_keys_are_dropped():
    clock = Clock()
    keys = RecentKeys(seconds=10, clock=clock)
    for clock.now in range(1_000):
        keys.add(str(clock.now))

    assert len(keys) <= 20
