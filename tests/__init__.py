"""The tests: a package for each package of the project, `system` and `browser`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
