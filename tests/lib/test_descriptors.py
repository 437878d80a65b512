import resource
import sys

import pytest

from notifications.lib.descriptors import (
    FILES,
    descriptor_limit,
    request_limit,
    stream_limit,
)


@pytest.fixture
def allow(monkeypatch):
    """A function that sets how many descriptors a process may have."""

    def allow(soft):
        limits = (soft, resource.RLIM_INFINITY)
        monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_NOFILE: limits}.get)

    return allow


@pytest.mark.parametrize("limit", [256, 1_024, 65_536])
def test_files_requests_and_streams_share_the_descriptors(allow, limit):
    allow(limit)

    assert FILES + request_limit() + stream_limit() == limit
    assert stream_limit() >= limit / 2


def test_nothing_is_limited_to_less_than_one(allow):
    allow(10)

    assert (request_limit(), stream_limit()) == (1, 1)


def test_limit_may_be_infinite(allow):
    allow(resource.RLIM_INFINITY)

    assert descriptor_limit() == sys.maxsize
