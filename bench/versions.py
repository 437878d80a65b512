"""The versions, the machine and the commit of a measurement."""

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
    """Return the hardware and the system."""
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
    """Return the versions of the installed servers and libraries."""
    found = {"python": platform.python_version()}
    found |= {
        f"{name} (Python)" if name == "redis" else name: version(name) for name in OWN
    }
    found["redis-server"] = _output(r"v=([\d.]+)", "redis-server", "--version")
    found["nginx"] = _output(r"nginx/([\d.]+)", "/usr/sbin/nginx", "-v")
    found["nchan"] = _output(
        r"^1:?([\d.]+)", "dpkg-query", "-W", "-f=${Version}", "libnginx-mod-nchan"
    )
    for peer, names in PEERS.items():
        for name in names:
            found[name] = _in_environment(peer, name)
    return {name: each for name, each in found.items() if each}


@cache
def commit() -> str:
    """Return the commit; with a + if tracked files differ from it."""
    found = _output(r"(\w+)", "git", "rev-parse", "--short=10", "HEAD")
    changed = _output(r"(.)", "git", "status", "--porcelain", "--untracked-files=no")
    return found + "+" if changed else found


def _in_environment(peer: str, name: str) -> str:
    for each in (VAR / "envs" / peer).glob("lib/python*/site-packages"):
        for found in distributions(path=[str(each)], name=name):
            return found.version
    return ""


def _output(pattern: str, *command: str) -> str:
    """Return what matches in the output of a program; empty if not installed."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT
    )
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else ""


def _read(path: str) -> str:
    return Path(path).read_text()
