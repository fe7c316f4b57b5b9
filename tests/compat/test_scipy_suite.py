"""SciPy's own tests pass with `sigconv.compat` under SciPy's names, but for listed differences.

SciPy's wheels carry its tests. They run in a process of their own (see `scipy_plugin.py`), all that
concern the functions here, except those that SciPy itself marks as slow. The type of an error or
warning is asserted, not its words.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import scipy

RELEASE = tuple(map(int, scipy.__version__.split(".")[:2]))


class Suite(NamedTuple):
    """A module of SciPy's tests: which to run, at least how many, and which differ and why."""

    module: str
    kept: str
    least: int
    differences: dict[str, str]


SUITES = {
    "signal": Suite(
        "scipy.signal.tests.test_signaltools",
        r"^(Test(AllFreqConvolves|Convolve|Convolve2d|FFTConvolve|OAConvolve|Correlate\w*)::"
        r"|test_(convolve_|correlation_lags|choose_conv_method))",
        1300,
        {
            "TestConvolve::test_convolve_method_large_input[numpy]": (
                "2**54 * 2**54 does not fit 64 bits: an OverflowError here, a wrong number there"
            ),
            "TestFFTConvolve::test_fft_nan[numpy]": (
                "NaN reaches the results that it belongs to under method='fft' too, so there is "
                "nothing to warn of"
            ),
        },
    ),
    "ndimage": Suite(
        "scipy.ndimage.tests.test_filters",
        # The file's other tests are about filters that are not convolutions.
        r"^(?!.*(rank|median|minimum|maximum|percentile|generic_(filter|gradient)|minmax|Vectorized"
        r"|gradient_magnitude|footprint_all|gh_2|gaussian_kernel1d|valid_origins1|ticket_701))",
        1700,
        {
            "test_gaussian_filter_float16[numpy]": (
                "float16 images are filtered in double precision and stored as float16; ndimage "
                "refuses them"
            ),
        },
    ),
}


def run_suite(suite: Suite, folder: Path) -> dict[str, tuple[str, str]]:
    """The outcome of each of SciPy's tests, and the last lines that it printed."""
    report = folder / "report.json"
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    options = ["-c", "pytest.ini", "--rootdir", ".", "-q", "-p", "scipy_plugin"]
    quiet = ["-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error::RuntimeWarning"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *quiet, "--pyargs", suite.module],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]),
            "SCIPY_TESTS_KEPT": suite.kept,
            "SCIPY_TESTS_REPORT": str(report),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    outcomes: dict[str, tuple[str, str]] = json.loads(report.read_text(encoding="utf-8"))
    return outcomes


@pytest.mark.skipif(RELEASE < (1, 17), reason="lists SciPy 1.17's tests: install scipy>=1.17")
@pytest.mark.parametrize("name", SUITES)
def test_scipys_tests_pass_but_for_the_differences(name: str, tmp_path: Path) -> None:
    suite = SUITES[name]
    if importlib.util.find_spec(suite.module) is None:
        pytest.skip(f"{suite.module} is not installed: install SciPy from its wheel")
    outcomes = run_suite(suite, tmp_path)
    failed = {test: text for test, (outcome, text) in outcomes.items() if outcome == "failed"}
    unlisted = {test: text for test, text in failed.items() if test not in suite.differences}
    assert not unlisted, "\n\n".join(f"{test}\n{text}" for test, text in unlisted.items())
    stale = set(suite.differences) - set(failed)
    assert not stale, f"listed as different, but not failing: {sorted(stale)}"
    passed = [test for test, (outcome, _) in outcomes.items() if outcome == "passed"]
    assert len(passed) >= suite.least
