"""The command in this process: what it writes, says and answers."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import sigconv
from sigconv.cli import main
from sigconv.core.boundary import ALIASES, RULES
from sigconv.core.shapes import MODES
from sigconv.testing import assert_close, tolerance
from tests.cli.helpers import RATE, run
from tests.files.helpers import names_in, noise

pytestmark = [pytest.mark.extras, pytest.mark.usefixtures("directory")]


def test_convolve_writes_the_result_and_says_what_it_did(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capsys, "convolve", "in.wav", "-k", "[0.5, 0.25]", "-o", "out.wav")
    assert (code, err) == (0, "")
    assert "out.wav: 4001 x 2 WAV PCM_16 from 4000 x 2 * 2 x 1, mode full" in out
    assert re.search(r"\d+ times real time, [\d.]+ [kMG]?B/s; \w", out)
    x = soundfile.read("in.wav", dtype="float32")[0]
    expected = sigconv.convolve(x, np.array([0.5, 0.25], "f4"), axes=0)
    y, rate = soundfile.read("out.wav", dtype="float32")
    assert rate == RATE
    assert_close(y, expected, 0.51 / 32768)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", [*RULES, *ALIASES])
def test_options_reach_the_convolution(
    capsys: pytest.CaptureFixture[str], mode: str, boundary: str
) -> None:
    options = ["--mode", mode, "--boundary", boundary, "--method", "direct", "--workers", "1"]
    code, out, err = run(
        capsys, "convolve", "in.npy", "-k", "gaussian:sigma=1", "-o", "out.npy",
        "--dtype", "float64", *options,
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "direct)" in out
    x, h = np.load("in.npy").astype(float), sigconv.kernels.gaussian(1, ndim=2)
    expected = sigconv.convolve(x, h, mode, boundary=boundary, method="direct")
    assert_close(np.load("out.npy"), expected, tolerance(x, h, np.float64))


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convolve", "in.tif", "-k", "box:3", "-o", "out.tif", "-q")
    assert run(capsys, *arguments) == (0, "", "")


def test_clipping_is_reported_even_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "convolve", "in.wav", "-k", "[8]", "-o", "out.wav", "-q")
    assert (code, out) == (0, "")
    found = re.fullmatch(
        r"sigconv: warning: (\d+) of 8000 samples of out\.wav were clipped; --gain "
        r"(-[\d.]+dB) avoids it\.\n",
        err,
    )
    assert found is not None
    x = soundfile.read("in.wav")[0]
    assert int(found[1]) == np.count_nonzero((x * 8 > 32767 / 32768) | (x * 8 < -1))
    quieter = ("convolve", "in.wav", "-k", "[8]", "-q", "--gain")
    assert run(capsys, *quieter, found[2], "-o", "b.wav") == (0, "", "")
    # What is advised counts the gain that was given.
    assert found[2] in run(capsys, *quieter, "-1dB", "-o", "c.wav")[2]


def test_existing_output_is_replaced_with_force_only(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.npy").write_bytes(b"old")
    arguments = ("convolve", "in.npy", "-k", "[[1]]", "-o", "out.npy")
    code, _, err = run(capsys, *arguments)
    assert code == 4
    assert "--force" in err
    assert Path("out.npy").read_bytes() == b"old"
    assert run(capsys, *arguments, "--force")[0] == 0
    np.testing.assert_array_equal(np.load("out.npy"), np.load("in.npy"))


def write_bad_inputs() -> None:
    """Lay every kind of unusable input beside the good ones."""
    good = Path("in.wav").read_bytes()
    Path("cut.wav").write_bytes(good[:5000])
    Path("text.wav").write_text("no sound\n" * 50)
    Path("empty.wav").touch()
    Path("flac.wav").write_bytes(Path("good.flac").read_bytes())
    Path("dir.wav").mkdir()
    Path("cut.npy").write_bytes(Path("in.npy").read_bytes()[:900])
    Path("cut.tif").write_bytes(Path("in.tif").read_bytes()[:1500])
    Path("cut.nii").write_bytes(b"\x5c\x01" + b"\0" * 100)
    np.save("object.npy", np.array([None]), allow_pickle=True)
    nan = np.full((50, 1), np.nan)
    soundfile.write("nan.wav", nan, RATE, "FLOAT")


CONVOLVE = "convolve INPUT -k KERNEL -o OUT"
REFUSED: dict[str, tuple[int, str, str]] = {
    # exit code, command line, what the line says
    "no file": (3, "convolve nowhere.wav -k [1] -o out.wav", "nowhere.wav: no such file"),
    "empty": (3, "convolve empty.wav -k [1] -o out.wav", "0 bytes"),
    "text": (3, "convolve text.wav -k [1] -o out.wav", "not a readable WAV"),
    "cut wav": (3, "convolve cut.wav -k [1] -o out.wav", "truncated"),
    "misnamed": (3, "convolve flac.wav -k [1] -o out.wav", "the content is FLAC"),
    "directory": (3, "convolve dir.wav -k [1] -o out.wav", "is a directory"),
    "cut npy": (3, "convolve cut.npy -k [[1]] -o out.npy", "the file has 900"),
    "cut tif": (3, "convolve cut.tif -k [[[1]]] -o out.tif", "truncated"),
    "cut nii": (3, "convolve cut.nii -k [[[1]]] -o out.nii", "cut.nii"),
    "pickle": (3, "convolve object.npy -k [1] -o out.npy", "pickled objects"),
    "unknown input": (3, "convolve in.xyz -k [1] -o out.wav", "Known suffixes: .wav"),
    "no kernel file": (3, "convolve in.wav -k nowhere.wav -o out.wav", "no such file"),
    "info of text": (3, "info text.wav", "not a readable WAV"),
    "plan of text": (3, "plan text.wav -k 3", "not a readable WAV"),
    "exists": (4, "convolve in.npy -k [[1]] -o in.tif", "exists already"),
    "itself": (4, "convolve in.npy -k [[1]] -o in.npy --force", "is the input"),
    "unknown output": (2, "convolve in.wav -k [1] -o out.xyz", "'.xyz'"),
    "other kind": (2, "convolve in.wav -k [1] -o out.nii", "Name an output that ends in .wav"),
    "unknown kernel": (2, "convolve in.wav -k gausian:2 -o out.wav", "Known kernels: "),
    "bad key": (2, "convolve in.wav -k gaussian:sgima=2 -o out.wav", "Known keys"),
    "bad unit": (2, "convolve in.wav -k gaussian:sigma=2mm -o out.wav", "does not tell"),
    "bad json": (2, "convolve in.wav -k [1,2 -o out.wav", "no JSON array"),
    "kernel axes": (2, "convolve in.npy -k [1,2] -o out.npy", "Give a kernel of 2 axes"),
    "channels": (2, "convolve in.wav -k [[1,2,3]] -o out.wav", "needs 1 channel"),
    "mode": (2, "convolve in.wav -k [1] -o out.wav --mode half", "'full', 'same', 'valid'"),
    "boundary": (2, "convolve in.wav -k [1] -o out.wav --boundary none", "'reflect'"),
    "method": (2, "convolve in.wav -k [1] -o out.wav --method magic", "'overlap-save'"),
    "impossible valid": (
        2, "convolve in.npy -k [[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],[1],"
        "[1],[1],[1],[1],[1],[1]] -o out.npy --mode valid", "Use mode='full'"),
    "real dtype": (2, "convolve in.wav -k [1] -o out.wav --dtype int64", "float32 or float64"),
    "no output": (2, "convolve in.wav -k [1]", "Missing option '-o'"),
    "no such option": (2, "convolve in.wav -k [1] -o out.wav --loud", "--loud"),
    "no such command": (2, "convole in.wav", "convole"),
    "no directory": (1, "convolve in.wav -k [1] -o nowhere/out.wav", "Create it"),
    "nan": (1, "convolve nan.wav -k [1] -o out.flac", "first at frame 0"),
    "demo file": (2, "demo --output in.wav", "is a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_one_line_with_the_exit_code_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], directory: Path, name: str
) -> None:
    soundfile.write("good.flac", 0.1 * noise(100, 1), RATE, "PCM_16")
    write_bad_inputs()
    before = {path: path.read_bytes() for path in directory.iterdir() if path.is_file()}
    expected, line, says = REFUSED[name]
    code, out, err = run(capsys, *line.split())
    assert code == expected
    assert says in err
    assert err.startswith("sigconv: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    assert out == ""
    after = {path: path.read_bytes() for path in directory.iterdir() if path.is_file()}
    assert after == before


def test_debug_shows_the_traceback_before_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("--debug", "info", "nowhere.npy"), ("info", "nowhere.npy", "--debug")):
        code, _, err = run(capsys, *arguments)
        assert code == 3
        assert err.startswith("Traceback (most recent call last)")
        assert err.splitlines()[-1].startswith("sigconv: nowhere.npy: no such file")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted; no output was written"),
        (MemoryError("8 GiB"), 1, "not enough memory (8 GiB)"),
        (
            OSError(28, "No space left on device", "out.npy"),
            1,
            "out.npy: writing failed (No space left on device)",
        ),
        (ZeroDivisionError("two\nlines"), 1, "unexpected ZeroDivisionError: two lines"),
    ],
)
def test_whatever_happens_meanwhile_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    error: BaseException,
    code: int,
    says: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    before = names_in(directory)
    monkeypatch.setattr(sys.modules["sigconv.files.convolve"], "convolve", fail)
    result = run(capsys, "convolve", "in.npy", "-k", "[[1]]", "-o", "out.npy")
    assert result[0] == code
    assert says in result[2]
    assert result[2].count("\n") == 1
    assert names_in(directory) == before


@pytest.mark.parametrize("module", ["click", "soundfile", "tifffile"])
def test_missing_extra_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    extra = {"click": "cli", "soundfile": "audio", "tifffile": "volume"}[module]
    monkeypatch.setitem(sys.modules, module, None)
    name = "in.tif" if module == "tifffile" else "in.wav"
    code, out, err = run(capsys, "info", name)
    assert (code, out) == (1, "")
    assert f'pip install "sigconv[{extra}]"' in err
    assert err.count("\n") == 1


def test_info_says_how_a_file_would_be_convolved(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "info", "in.tif")
    assert (code, err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert facts["shape"] == "5 x 20 x 30 (z, y, x)"
    assert facts["convolved"].startswith("z, y, x (mode same")
    code, out, _ = run(capsys, "info", "in.wav")
    assert "8000 Hz" in out
    assert "0.500 s" in out


@pytest.mark.parametrize(
    ("source", "kernel", "shapes"),
    [
        ("64x48", "5x7", "(64, 48) * (5, 7) -> (64, 48)"),
        ("1000", "[1, 2, 1]", "(1000,) * (3,) -> (1000,)"),
        ("64x48", "box:3", "(64, 48) * (3, 3) -> (64, 48)"),
        ("in.wav", "100", "(4000, 2) * (100,) -> (4099, 2)"),
        ("in.wav", "in.wav", "(4000, 2) * (4000, 2) -> (7999, 2)"),
        ("in.tif", "gaussian:sigma=1", "(5, 20, 30) * (9, 9, 9) -> (5, 20, 30)"),
    ],
)
def test_plan_shows_shapes_and_every_engine(
    capsys: pytest.CaptureFixture[str], source: str, kernel: str, shapes: str
) -> None:
    code, out, err = run(capsys, "plan", source, "-k", kernel)
    assert (code, err) == (0, "")
    assert shapes in out
    for method in ("direct", "fft", "overlap-save", "overlap-add"):
        assert method in out


def test_methods_on_offer_are_those_of_the_planner() -> None:
    from sigconv.cli import options
    from sigconv.planning.planner import METHODS

    assert set(options.METHODS) == set(METHODS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"sigconv {sigconv.__version__}\n", "")


@pytest.mark.parametrize("command", ["", "convolve", "plan", "info", "demo"])
def test_help_names_every_option(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, err = run(capsys, *command.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: sigconv {command}".strip())
    assert "--debug" in out


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == run(capsys, "--help")


def test_module_runs_as_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sigconv", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("sigconv.cli", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("sigconv ")


def test_arguments_of_the_process_are_the_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sigconv", "info", "nowhere.npy"])
    assert main() == 3
    assert "nowhere.npy" in capsys.readouterr().err


def test_repaired_header_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), "f4"), np.eye(4)), "in.nii")
    content: Any = bytearray(Path("in.nii").read_bytes())
    content[252:254] = b"\xff\x00"
    Path("in.nii").write_bytes(content)
    code, _, err = run(capsys, "convolve", "in.nii", "-k", "box:3", "-o", "out.nii", "-q")
    assert code == 0
    assert err == "sigconv: warning: in.nii: qform_code 255 not valid; setting to 0\n"


def test_help_says_what_dtype_leaves_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "convolve", "--help")
    assert "audio keeps the input's sample format" in " ".join(out.split())


def test_sizes_are_binary_as_in_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "info", "in.wav")
    assert "float32, 31.2 KiB" in out


def test_suffixes_of_audio_are_those_of_its_module() -> None:
    from sigconv.files import FORMATS
    from sigconv.files.audio import SUFFIXES

    assert FORMATS[0].suffixes == tuple(SUFFIXES)
