"""The size of the JavaScript of a page, collected and compressed."""

import gzip
import re
from pathlib import Path

from rjsmin import jsmin

import notifications
from project import qa

MODULES = Path(notifications.__file__).parent / "static" / "notifications"
LIVE_ANSWERS = Path(qa.__file__).parent / "static" / "qa" / "live-answers.js"
# The modules of the largest page, compressed.
MOST_BYTES = 12 * 1024
IMPORT = re.compile(r'^import [^;]*?"([^"]+)";', re.MULTILINE)


def loaded(path: Path, found: set[Path]) -> set[Path]:
    """Return a module and what it imports, which does not depend on the moment."""
    if path not in found:
        found.add(path)
        for name in IMPORT.findall(path.read_text()):
            loaded(MODULES / Path(name).name, found)
    return found


def test_scripts_of_a_page_are_small():
    modules = loaded(MODULES / "main.js", set()) | loaded(LIVE_ANSWERS, set())

    sizes = {
        each.name: len(gzip.compress(jsmin(each.read_text()).encode()))
        for each in modules
    }

    assert {"main.js", "tabs.js", "timer.js", "live-answers.js"} <= sizes.keys()
    assert "polling.js" not in sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes
