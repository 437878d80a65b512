"""examples/minimal runs on the installed wheel, and curl reads a live event from it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests import ROOT
from tests.system.server import free_port, wait_for

INSTALL_SECONDS = 200
COMMAND_SECONDS = 30
# What pip prints when it cannot reach the index, not when it lacks a package.
OFFLINE = re.compile(r"Connection(Error| broken)|NameResolution|ConnectTimeout")
WORKER = "notifications.worker.EventStreamWorker"
# The commands of the example's README, on an address of our own.
SERVERS = {
    "runserver": ["python", "minimal.py", "runserver", "--noreload"],
    "gunicorn": ["gunicorn", "-k", WORKER, "--no-control-socket", "minimal", "-b"],
}

# Installing takes long on a busy machine.
pytestmark = pytest.mark.timeout(INSTALL_SECONDS + 60)


def give_up(reason):
    """Skip the test on a machine that lacks something; CI has to have it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Example:
    """A copy of the example beside a virtual environment, outside the checkout."""

    def __init__(self, folder, redis_url):
        self.folder = folder / "minimal"
        self.programs = folder / "venv" / "bin"
        # Without PYTHONPATH and the like, which could name the checkout.
        self.environment = {"PATH": os.environ["PATH"], "REDIS_URL": redis_url}
        shutil.copytree(ROOT / "examples" / "minimal", self.folder)

    def install(self, wheel):
        """Create the environment, and install the wheel and its dependencies in it."""
        venv = self.programs.parent
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", venv], check=True
        )
        # The versions that the tests run on, so that a new release cannot fail them.
        constraints = venv / "constraints.txt"
        constraints.write_text(
            "".join(f"{each.name}=={each.version}\n" for each in installed())
        )
        done = subprocess.run(
            [
                *[sys.executable, "-m", "pip", "--python", venv / "bin" / "python"],
                *["install", "--quiet", "--no-compile", "--retries=1"],
                *["--constraint", constraints, f"{wheel}[gevent]"],
            ],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        if done.returncode and OFFLINE.search(done.stderr):
            give_up("pip cannot reach the package index")
        assert done.returncode == 0, done.stderr

    def command(self, program, *arguments):
        return [self.programs / program, *arguments]

    def run(self, *arguments):
        """Run Python in the environment; return what it printed."""
        done = subprocess.run(
            self.command("python", *arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create_user(self, name):
        options = ["--noinput", f"--username={name}", f"--email={name}@example.com"]
        self.run("minimal.py", "createsuperuser", *options)

    @contextlib.contextmanager
    def start(self, command, output):
        """Run a program until the end of the block, with what it prints in a file."""
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(COMMAND_SECONDS)


def installed():
    """Return the distributions that these tests run on, without the app's own."""
    return [
        each
        for each in metadata.distributions()
        if each.name != "django-live-notifications"
    ]


@pytest.fixture(scope="module")
def example(wheel, redis_server, tmp_path_factory):
    example = Example(tmp_path_factory.mktemp("example"), redis_server.url)
    example.install(wheel)
    example.run("minimal.py", "migrate", "--verbosity=0")
    return example


@pytest.fixture(params=SERVERS)
def server(request, example, tmp_path):
    """The address of the example, served as its README says."""
    address = f"127.0.0.1:{free_port()}"
    output = tmp_path / "server.log"
    command = example.command(*SERVERS[request.param], address)
    with example.start(command, output):
        yield address, output


def test_the_app_comes_from_the_wheel(example):
    path = example.run("-c", "import notifications; print(notifications.__file__)")

    assert Path(path).is_relative_to(example.programs.parent)


def test_the_example_has_nothing_to_fix(example):
    example.run("minimal.py", "check", "--fail-level=WARNING")


def test_curl_reads_a_live_event(example, server, tmp_path):
    address, log = server
    curl = shutil.which("curl") or give_up("curl is not installed")
    url = f"http://{address}/notifications/stream/?topic=user:*"
    name = f"maja{address.rpartition(':')[2]}"
    read = tmp_path / "events.txt"
    # The server may not listen yet.
    retry = ["--retry", "30", "--retry-delay", "1", "--retry-connrefused"]

    with example.start([curl, "-N", "--silent", "--show-error", *retry, url], read):
        wait_for(lambda: "retry:" in read.read_text(), what=f"a stream; see {log}")
        example.create_user(name)
        wait_for(lambda: "event: new_member" in read.read_text(), what="the event")

    data = re.search(r"^event: new_member\ndata: (.*)$", read.read_text(), re.M)[1]
    assert json.loads(data)["name"] == name
