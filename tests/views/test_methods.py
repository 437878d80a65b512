"""Methods that the views do not allow."""

import pytest

from tests.streaming import STREAM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (STREAM, "post"),
        ("/notifications/", "post"),
        ("/notifications/read/", "get"),
        ("/notifications/follows/topic:milk/", "get"),
    ],
)
def test_other_methods_are_refused(as_maja, path, method):
    assert getattr(as_maja, method)(path).status_code == 405
