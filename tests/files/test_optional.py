"""Optional dependencies are named by their extra."""

import sys

import pytest

from sigconv.core.optional import require
from sigconv.errors import MissingDependencyError


def test_present_module_is_returned() -> None:
    assert require("json.decoder", "audio") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["no_such_module", "no_such_module.part"])
def test_missing_module_names_the_extra(module: str) -> None:
    with pytest.raises(MissingDependencyError, match=r'no_such_module.*"sigconv\[audio\]"'):
        require(module, "audio")


def test_missing_dependency_is_an_import_error() -> None:
    assert issubclass(MissingDependencyError, ImportError)
