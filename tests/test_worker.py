"""The worker, for what a real server would take long to show."""

import errno
import logging
import os
import socket
from contextlib import closing

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from notifications.worker import EventStreamWorker


def failing(error):
    def application(environ, start_response):
        raise error

    return application


@pytest.fixture
def handle(caplog):
    """A function that lets a worker handle a request; returns what it logged."""
    config = Config()
    log = Logger(config)
    log.error_log.addHandler(caplog.handler)
    log.error_log.setLevel(logging.INFO)

    def handle(application):
        worker = EventStreamWorker(1, os.getpid(), [], None, 30, config, log)
        worker.wsgi = application
        ours, theirs = socket.socketpair()
        with closing(theirs), socket.create_server(("127.0.0.1", 0)) as listener:
            theirs.sendall(b"GET /page/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            worker.handle(listener, ours, ("127.0.0.1", 1))
        worker.tmp.close()
        return caplog.records

    yield handle
    log.error_log.removeHandler(caplog.handler)


def test_client_that_is_lost_is_one_line_in_the_log(handle):
    records = handle(failing(TimeoutError(errno.ETIMEDOUT, "Connection timed out")))

    [record] = records
    assert record.exc_info is None
    assert "/page/" in record.getMessage()


def test_other_errors_of_sockets_are_logged_with_their_traceback(handle):
    [record] = handle(failing(OSError(errno.EBADF, "Bad file descriptor")))

    assert record.exc_info
