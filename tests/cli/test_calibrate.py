"""`sigconv calibrate`: what it writes, shows and removes; the measuring itself is a fake."""

from dataclasses import replace
from pathlib import Path

import pytest

from sigconv.cli import main
from sigconv.cli.calibration import describe
from sigconv.planning import MACHINE, measuring
from sigconv.planning.calibration import Calibration, calibration_path, stored_calibration
from sigconv.planning.rates import Progress

pytestmark = pytest.mark.extras

FOUND = Calibration(
    replace(
        MACHINE,
        name="a processor",
        thread=5e-5,
        multiply_add={**MACHINE.multiply_add, "f4": 4e-11},
    )
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory, in force, and a computer that is measured at once."""

    def calibrate(progress: Progress) -> Calibration:
        progress("sums over taps")
        return FOUND

    monkeypatch.setattr(measuring, "calibrate", calibrate)
    monkeypatch.setenv("SIGCONV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGCONV_CALIBRATION", "on")
    return tmp_path / "cache"


def run(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["calibrate", *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_what_is_measured_is_written_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "sums over taps\n")
    path = calibration_path()
    assert f"written to   {path}\n" in out
    assert "processor    a processor\n" in out
    assert "FFTW wisdom" not in out
    lines = [line.split() for line in out.splitlines()]
    assert ["here", "shipped"] in lines
    shipped = f"{1e6 * MACHINE.thread:.3g}"
    assert ["waking", "a", "thread,", "us", "50", shipped] in lines
    # A product and a sum in 40 ps.
    shipped = f"{2e-9 / MACHINE.multiply_add['f4']:.3g}"
    assert ["sums", "over", "taps,", "float32,", "GFLOP/s", "50", shipped] in lines
    assert stored_calibration() == FOUND


def test_wisdom_is_named_as_plans_name_it() -> None:
    wise = replace(MACHINE, wisdom={("f4", 8192, 16): 1e-10}, wisdom_name="12345678")
    assert "FFTW wisdom  12345678, 1 transforms" in describe(wise)


def test_show_says_what_is_in_force_and_from_where(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--show")
    assert (code, err) == (0, "")
    assert "in force     what sigconv comes with; not calibrated\n" in out
    assert f"processor    {MACHINE.name}\n" in out
    assert "here" not in out
    run(capsys)
    code, out, err = run(capsys, "--show")
    assert (code, err) == (0, "")
    assert f"in force     {calibration_path()}\n" in out
    assert "processor    a processor\n" in out


def test_show_says_so_where_calibration_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capsys)
    monkeypatch.setenv("SIGCONV_CALIBRATION", "off")
    assert "what sigconv comes with; SIGCONV_CALIBRATION is off" in run(capsys, "--show")[1]
    assert "warning: SIGCONV_CALIBRATION is off" in run(capsys)[2]


def test_clear_removes_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    path = calibration_path()
    assert run(capsys, "--clear") == (0, f"removed {path}\n", "")
    assert not path.exists()
    assert run(capsys, "--clear") == (0, "not calibrated; nothing to remove\n", "")


def test_clear_removes_what_interrupted_processes_left(
    capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    run(capsys)
    other = cache / "other"
    for name in (".machine-0123", ".machine-4567", "other"):
        cache.joinpath(name).touch()
    run(capsys, "--clear")
    assert list(cache.iterdir()) == [other]
    cache.joinpath(".machine-89ab").touch()
    assert run(capsys, "--clear") == (0, "not calibrated; nothing to remove\n", "")
    assert list(cache.iterdir()) == [other]


@pytest.mark.parametrize(
    ("options", "value", "code", "says"),
    [
        (("--show", "--clear"), "on", 2, "--show and --clear exclude each other"),
        ((), "on", 1, "Set SIGCONV_CACHE to a directory"),
        (("--clear",), "on", 1, "cannot be removed"),
        (("--show",), "perhaps", 2, "must be 'on' or 'off'; got 'perhaps'"),
    ],
)
def test_errors_are_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: tuple[str, ...],
    value: str,
    code: int,
    says: str,
) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv("SIGCONV_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("SIGCONV_CALIBRATION", value)
    answer = run(capsys, *options)
    assert answer[:2] == (code, "")
    # Nothing was measured before it.
    line = answer[2]
    assert line.startswith("sigconv: ")
    assert says in line
    assert line.count("\n") == 1
    assert tmp_path.joinpath("file").is_file()


def test_an_interrupted_measurement_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def interrupted(progress: Progress) -> Calibration:
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "calibrate", interrupted)
    assert run(capsys)[0] == 130
    assert list(cache.iterdir()) == []


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    assert all(option in out for option in ("--show", "--clear", "--debug"))
