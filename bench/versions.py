"""What was measured, and on what: versions, machine, commit."""

import os
import platform
import re
import shutil
import subprocess
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path

from bench.processes import ROOT, VAR

SECONDS = 20
OWN = ("django", "gevent", "gunicorn", "redis")
PEERS = {
    "eventstream": ("django-eventstream", "uvicorn"),
    "flask_sse": ("flask", "flask-sse"),
}


@cache
def machine() -> dict[str, str | int]:
    """Return what the machine is."""
    cpu = re.search(r"^model name\s*: (.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(int(memory[1]) / 1024**2) if memory else 0,
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", ""),
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of all that was measured and is there."""
    found = {"python": platform.python_version()}
    found |= {
        f"{name} (Python)" if name == "redis" else name: version(name) for name in OWN
    }
    found["redis-server"] = _ask(r"v=([\d.]+)", "redis-server", "--version")
    found["nginx"] = _ask(r"nginx/([\d.]+)", "/usr/sbin/nginx", "-v")
    found["nchan"] = _ask(
        r"^1:?([\d.]+)", "dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan"
    )
    for peer, names in PEERS.items():
        for name in names:
            found[name] = _in_environment(peer, name)
    return {name: each for name, each in found.items() if each}


@cache
def commit() -> str:
    """Return the commit that was measured; with a + when files differ from it."""
    found = _ask(r"(\w+)", "git", "rev-parse", "--short=10", "HEAD")
    changed = _ask(r"(.)", "git", "status", "--porcelain", "--untracked-files=no")
    return found + "+" if changed else found


def _in_environment(peer: str, name: str) -> str:
    for each in (VAR / "envs" / peer).glob("lib/python*/site-packages"):
        for found in distributions(path=[str(each)], name=name):
            return found.version
    return ""


def _ask(pattern: str, *command: str) -> str:
    """Return what a program prints of itself; empty where there is no such program."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT
    )
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else ""


def _read(path: str) -> str:
    return Path(path).read_text()
