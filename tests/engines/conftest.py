"""What tests of compiled loops share."""

import pytest

from sigconv.engines.spectral import SpectralKernel


@pytest.fixture
def _only_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NumPy's steps through a transform fail."""

    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("NumPy's steps ran")

    monkeypatch.setattr(SpectralKernel, "apply", refuse)
