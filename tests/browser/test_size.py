"""The size of the JavaScript of a page, collected and compressed."""

import gzip
import re
from pathlib import Path

import pytest
from rjsmin import jsmin

import notifications
from notifications.templatetags.start_scripts import IMPORTED as START_SCRIPTS
from project import qa

MODULES = Path(notifications.__file__).parent / "static" / "notifications"
LIVE_ANSWERS = Path(qa.__file__).parent / "static" / "qa" / "live-answers.js"
# In bytes, compressed: what every page loads, a feature with what it imports beyond
# that, and all that a page can load.
START_BYTES = 9_728
FEATURE_BYTES = 6 * 1024
ALL_BYTES = 24 * 1024
STATIC_IMPORT = re.compile(r'^import [^;]*?"([^"]+)";', re.MULTILINE)
DYNAMIC_IMPORT = re.compile(r'import\("([^"]+)"\)')


def loaded(path: Path) -> set[Path]:
    """Return a module and what it always imports."""
    found = {path}
    for name in STATIC_IMPORT.findall(path.read_text()):
        found |= loaded(MODULES / Path(name).name)
    return found


START = loaded(MODULES / "main.js")
FEATURES = sorted(
    MODULES / Path(name).name
    for module in MODULES.glob("*.js")
    for name in DYNAMIC_IMPORT.findall(module.read_text())
)


def test_page_preloads_what_its_start_imports():
    names = [*START_SCRIPTS, "main"]

    assert sorted(names) == sorted(each.stem for each in START)


def size(modules: set[Path]) -> int:
    return sum(len(gzip.compress(jsmin(each.read_text()).encode())) for each in modules)


def test_scripts_that_every_page_loads_are_small():
    assert {"main.js", "tabs.js", "timer.js"} <= {each.name for each in START}
    assert not START & {*FEATURES}
    assert size(START) < START_BYTES


@pytest.mark.parametrize(
    "feature", [*FEATURES, LIVE_ANSWERS], ids=lambda path: path.stem
)
def test_script_of_a_feature_is_small(feature):
    assert size(loaded(feature) - START) < FEATURE_BYTES


def test_all_scripts_of_a_page_are_small():
    modules = START.union(*(loaded(each) for each in [*FEATURES, LIVE_ANSWERS]))

    assert size(modules) < ALL_BYTES
