"""Optional dependencies are imported at use, and a missing one names its extra."""

import sys

import pytest

from sigconv.core.optional import require
from sigconv.errors import MissingDependencyError


def test_an_installed_module_is_returned():
    assert require("os.path", "audio") is sys.modules["os.path"]


def test_a_missing_module_names_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "sigconv\[audio\]"') as caught:
        require("soundfile", "audio")
    assert isinstance(caught.value, ImportError)
    assert "needs soundfile" in str(caught.value)
