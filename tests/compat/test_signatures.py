"""The modules of `sigconv.compat` stand in for SciPy's, with the same signatures."""

import inspect
import subprocess
import sys
from types import ModuleType

import pytest
import scipy
import scipy.ndimage
import scipy.signal

from sigconv import compat

RELEASE = tuple(map(int, scipy.__version__.split(".")[:2]))

PAIRS = [
    pytest.param(getattr(ours, name), getattr(theirs, name), id=f"{theirs.__name__}.{name}")
    for ours, theirs in ((compat.signal, scipy.signal), (compat.ndimage, scipy.ndimage))
    for name in ours.__all__
]


@pytest.mark.skipif(RELEASE < (1, 17), reason="SciPy 1.17's signatures: install scipy>=1.17")
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_parameters_have_scipys_names_kinds_and_defaults(ours, theirs) -> None:
    def listed(function):
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    assert listed(ours) == listed(theirs)


@pytest.mark.parametrize(
    ("ours", "theirs", "names"),
    [
        (
            compat.signal,
            scipy.signal,
            "convolve fftconvolve oaconvolve correlate convolve2d correlate2d correlation_lags "
            "choose_conv_method",
        ),
        (
            compat.ndimage,
            scipy.ndimage,
            "convolve correlate convolve1d correlate1d gaussian_filter gaussian_filter1d "
            "uniform_filter sobel prewitt laplace gaussian_laplace",
        ),
    ],
)
def test_convolutions_are_ours_and_other_names_scipys(
    ours: ModuleType, theirs: ModuleType, names: str
) -> None:
    for name in names.split():
        assert getattr(ours, name).__module__.startswith("sigconv.")
    for name in set(dir(theirs)) - set(ours.__all__):
        if not name.startswith("_"):
            assert getattr(ours, name) is getattr(theirs, name)
    with pytest.raises(AttributeError):
        _ = ours.no_such_filter


def test_scipys_modules_load_only_when_a_name_of_theirs_is_used() -> None:
    code = (
        "import sys; from sigconv.compat import ndimage, signal\n"
        "print('scipy.signal' in sys.modules, 'scipy.ndimage' in sys.modules)\n"
        "ndimage.label, signal.butter\n"
        "print('scipy.signal' in sys.modules, 'scipy.ndimage' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["False False", "True True"]
