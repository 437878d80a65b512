from notifications.lib.batches import batches


def test_all_items_are_in_batches_in_their_order():
    assert [*batches("abcde", 2)] == [["a", "b"], ["c", "d"], ["e"]]


def test_full_batch_is_followed_by_none():
    assert [*batches(range(4), 2)] == [[0, 1], [2, 3]]


def test_no_items_are_in_no_batch():
    assert [*batches([], 2)] == []
