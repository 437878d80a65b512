"""What the tests started ends with them, even when they are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from project.redis_server import RedisServer
from tests import ROOT
from tests.system.server import wait_for
from tests.watchdog import watch_group

# Stands for a test run: it has a site, and does not end by itself.
RUN = """
import signal
from pathlib import Path
from tests.system.server import Site
with Site(workers=1) as site:
    print(site.process.pid, *site.workers(), site.redis.directory, flush=True)
    signal.pause()
"""


@pytest.fixture
def run():
    """A process that has a site; what it printed of that."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watch_group(process.pid)
    with process:
        yield process, process.stdout.readline().split()
        process.kill()


def is_running(pid):
    """Tell whether a process runs; one that nobody has waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_run_leaves_no_server_and_no_redis(run, number):
    process, (*servers, directory) = run
    redis = RedisServer(Path(directory))
    assert redis.is_alive()
    assert all(map(is_running, servers))

    os.kill(process.pid, number)

    wait_for(lambda: not any(map(is_running, servers)), what="the end of gunicorn")
    wait_for(lambda: not redis.is_alive(), what="the end of Redis")
