"""Compiles the C programs when their sources are newer."""

import shutil
import subprocess
from pathlib import Path

from bench.processes import VAR, Failed

SOURCES = Path(__file__).resolve().parent
PROGRAMS = ("load", "floor")
FLAGS = ("-O2", "-Wall", "-Wextra")


def build() -> None:
    """Compile missing and outdated programs; raises Failed without a compiler."""
    VAR.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in SOURCES.glob("*.[ch]"))
    for name in PROGRAMS:
        program = VAR / name
        if not program.exists() or program.stat().st_mtime < newest:
            _compile(SOURCES / f"{name}.c", program)


def _compile(source: Path, program: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Failed("the benchmark needs a C compiler: install gcc and libc6-dev")
    subprocess.run([compiler, *FLAGS, "-o", program, source], check=True)
