import resource
import sys

import pytest

from notifications.lib.descriptors import (
    FILES,
    descriptor_limit,
    request_limit,
    socket_limit,
    stream_limit,
)


@pytest.fixture
def allow(monkeypatch):
    """A function that sets how many descriptors a process may have."""

    def allow(soft):
        limits = (soft, resource.RLIM_INFINITY)
        monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_NOFILE: limits}.get)

    return allow


@pytest.mark.parametrize(
    ("limit", "requests"), [(256, 48), (1_024, 240), (20_000, 1_000)]
)
def test_files_requests_and_streams_share_the_descriptors(allow, limit, requests):
    allow(limit)

    assert FILES + socket_limit() == limit
    assert socket_limit() - stream_limit() == requests


@pytest.mark.parametrize(("limit", "requests"), [(256, 48), (20_000, 9_968)])
def test_many_descriptors_may_be_requests(allow, limit, requests):
    allow(limit)

    assert request_limit() == requests


def test_nothing_is_limited_to_less_than_one(allow):
    allow(10)

    assert (socket_limit(), stream_limit(), request_limit()) == (2, 1, 1)


def test_limit_may_be_infinite(allow):
    allow(resource.RLIM_INFINITY)

    assert descriptor_limit() == sys.maxsize
