"""Options of `convolve` and `correlate`, several inputs, and what programs read."""

import hashlib
import json
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

import sigconv as sc
from sigconv.testing import assert_close, tolerance
from tests.cli.helpers import RATE, run
from tests.files.helpers import names_in, noise

pytestmark = [pytest.mark.extras, pytest.mark.usefixtures("directory")]


def test_correlate_finds_the_template(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.load("in.npy")
    np.save("part.npy", x[5:9, 7:12])
    arguments = ("correlate", "in.npy", "-k", "part.npy", "-o", "out.npy", "--mode", "valid")
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "out.npy: 17 x 26" in out
    y = np.load("out.npy")
    assert np.unravel_index(y.argmax(), y.shape) == (5, 7)


def test_every_option_reaches_the_convolution(capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--mode same --center 0x1 --axes 0,1 --boundary constant,edge --fill-value 0.5 "
        "--nan-policy omit --method direct --dtype float64 --gain -20dB --normalize peak "
        "--workers 1 --spacing 2x1mm --max-memory 1GiB --progress none"
    )
    x = np.load("in.npy").astype(float)
    x[3, 4] = np.nan
    np.save("in.npy", x)
    arguments = ("convolve", "in.npy", "-k", "[[1, 2], [3, 4]]", "-o", "out.npy")
    code, out, err = run(capsys, *arguments, *options.split())
    assert (code, err) == (0, "")
    assert "direct)" in out
    expected = sc.convolve(
        x,
        np.array([[1, 2], [3, 4]]) / 4 * 0.1,
        "same",
        center=(0, 1),
        boundary=[("constant", "edge")] * 2,
        fill_value=0.5,
        nan_policy="omit",
    )
    np.testing.assert_allclose(np.load("out.npy"), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("option", "text", "remedy"),
    [
        ("--spacing", "3", "3x1x1mm"),
        ("--spacing", "3kHz", "3x1x1mm"),
        ("--rate", "5mm", "48kHz"),
        ("--rate", "1x2Hz", "48kHz"),
        ("--gain", "loud", "-6dB"),
        ("--max-memory", "1XB", "1GiB"),
        ("--rate", "", "48kHz"),
        ("--axes", "0;1", "0,1"),
        ("--center", "-1", "1x2"),
        ("--boundary", "edge,edge,edge", "before, after"),
        ("--boundary", "around", "Rules: 'zero'"),
    ],
)
def test_values_that_make_no_sense_are_usage_errors(
    capsys: pytest.CaptureFixture[str], option: str, text: str, remedy: str
) -> None:
    code, out, err = run(capsys, "convolve", "in.npy", "-k", "[[1]]", "-o", "out.npy", option, text)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert remedy in err
    assert names_in(Path()) == ["in.npy", "in.tif", "in.wav"]


def test_units_of_arrays_come_from_options(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convolve", "in.npy", "-k", "gaussian:sigma=2mm", "-o", "out.npy")
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "--spacing" in err
    assert run(capsys, *arguments, "--spacing", "1000x500um", "-q") == (0, "", "")
    h = sc.kernels.gaussian(2.0, spacing=(1.0, 0.5), dtype=np.float32)
    x = np.load("in.npy")
    assert_close(np.load("out.npy"), sc.convolve(x, h, "same"), tolerance(x, h, np.float32))


def test_several_inputs_go_to_a_directory(capsys: pytest.CaptureFixture[str]) -> None:
    Path("outs").mkdir()
    np.save("b.npy", noise(9, 9))
    Path("cut.npy").write_bytes(Path("b.npy").read_bytes()[:100])
    code, out, err = run(
        capsys, "convolve", "in.npy", "cut.npy", "nowhere.npy", "b.npy", "-k", "[[0.5]]",
        "--outdir", "outs",
    )  # fmt: skip
    assert code == 3
    assert [line.split(":")[0] for line in out.splitlines()] == ["outs/in.npy", "outs/b.npy"]
    assert [line.split(":")[1] for line in err.splitlines()] == [" cut.npy", " nowhere.npy"]
    assert names_in(Path("outs")) == ["b.npy", "in.npy"]
    np.testing.assert_array_equal(np.load("outs/b.npy"), np.load("b.npy") / 2)


def test_first_failure_gives_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    Path("outs").mkdir()
    Path("outs/in.npy").write_bytes(b"old")
    code, _, err = run(
        capsys, "convolve", "in.npy", "nowhere.npy", "-k", "[[1]]", "--outdir", "outs"
    )
    assert code == 4
    assert err.count("\n") == 2
    assert Path("outs/in.npy").read_bytes() == b"old"


@pytest.mark.parametrize(
    "arguments",
    [
        ("in.npy", "-o", "a.npy", "--outdir", "outs"),
        ("in.npy",),
        ("in.npy", "b.npy", "-o", "a.npy"),
        ("in.npy", "sub/in.npy", "--outdir", "outs"),
        ("in.npy", "--outdir", "nowhere"),
        ("-o", "a.npy"),
    ],
)
def test_outputs_that_are_not_told_apart_are_usage_errors(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    Path("outs").mkdir()
    code, out, err = run(capsys, "convolve", "-k", "[[1]]", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert names_in(Path("outs")) == []


def test_outputs_are_not_inputs_that_come_later(capsys: pytest.CaptureFixture[str]) -> None:
    Path("outs").mkdir()
    Path("sub").mkdir()
    np.save("sub/a.npy", noise(9, 9))
    np.save("outs/a.npy", noise(9, 9))
    before = Path("outs/a.npy").read_bytes()
    Path("link.npy").symlink_to("outs/a.npy")
    arguments = ("convolve", "sub/a.npy", "link.npy", "-k", "[[2]]", "--outdir", "outs", "--force")
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (4, "")
    assert "never overwritten" in err
    assert Path("outs/a.npy").read_bytes() == before


def test_huge_memory_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convolve", "in.npy", "-k", "[[1]]", "-o", "out.npy", "-q", "--max-memory")
    assert run(capsys, *arguments, "9" * 400) == (0, "", "")


def test_normalisations_are_those_of_the_settings() -> None:
    from sigconv.cli.options import _FILE
    from sigconv.files.settings import NORMALISATIONS

    flags = click.Command("x", callback=lambda **_: None)
    options = {one.name: one.option(flags).params[-1] for one in _FILE}
    assert options["normalize"].type.choices == NORMALISATIONS


def test_links_in_the_directory_are_replaced_and_not_followed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("outs").mkdir()
    Path("secret.npy").write_bytes(b"mine")
    Path("outs/in.npy").symlink_to("../secret.npy")
    arguments = ("convolve", "in.npy", "-k", "[[1]]", "--outdir", "outs")
    assert run(capsys, *arguments)[0] == 4
    assert run(capsys, *arguments, "--force", "-q") == (0, "", "")
    assert Path("secret.npy").read_bytes() == b"mine"
    assert not Path("outs/in.npy").is_symlink()


def test_dry_run_shows_the_plan_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convolve", "in.wav", "-k", "lowpass:1kHz,101", "-o", "out.flac", "--dry-run")
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert out.startswith("would write out.flac: 4100 x 2 FLAC PCM_16 from 4000 x 2 * 101 x 1")
    assert "candidates" in out
    assert names_in(Path()) == ["in.npy", "in.tif", "in.wav"]
    facts = json.loads(run(capsys, *arguments, "--json")[1])
    assert facts["target_shape"] == [4100, 2]
    Path("out.flac").touch()
    assert run(capsys, *arguments)[0] == 4


def test_programs_read_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("convolve", "in.wav", "-k", "[8]", "-o", "out.wav", "--json")
    code, out, err = run(capsys, *arguments, "--progress", "json")
    assert code == 0
    record = json.loads(out)
    assert record["clipped"] > 0
    assert record["mode"] == "full"
    assert record["plan"]["method"] == "direct"
    digest = hashlib.sha256(Path("out.wav").read_bytes()).hexdigest()
    assert record["sha256"]["out.wav"] == digest
    *progress, warning = err.splitlines()
    assert "clipped" in warning
    last = json.loads(progress[-1])
    assert last["done"] == last["total"] == 4000 * 2 * 4
    assert last["file"] == "in.wav"


def test_kernel_prints_the_array_that_k_takes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "kernel", "gaussian:sigma=0.5")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["shape", "5"]
    taps = out.splitlines()[-1]
    np.testing.assert_array_equal(json.loads(taps), sc.kernels.gaussian(0.5))
    assert run(capsys, "convolve", "in.wav", "-k", taps, "-o", "a.wav", "-q") == (0, "", "")
    run(capsys, "convolve", "in.wav", "-k", "gaussian:sigma=0.5", "-o", "b.wav", "-q")
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_kernel_writes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("kernel", "lowpass:1kHz,101", "--rate", "8kHz", "-o", "h.wav")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "[" not in out
    h = sc.kernels.lowpass(1000, 101, fs=8000)
    np.testing.assert_array_equal(soundfile.read("h.wav")[0], h)
    assert run(capsys, *arguments)[0] == 4
    assert run(capsys, "kernel", "lowpass:1kHz,101")[0] == 2
    facts = json.loads(run(capsys, "kernel", "box:3x3", "--json")[1])
    assert facts["taps"] == [[1 / 9] * 3] * 3


def test_delay_is_told_in_seconds_and_samples(capsys: pytest.CaptureFixture[str]) -> None:
    x = noise(3000, 1)
    soundfile.write("sent.wav", x, RATE, "FLOAT")
    soundfile.write("late.wav", np.concatenate([np.zeros((80, 1)), x]), RATE, "FLOAT")
    code, out, err = run(capsys, "delay", "late.wav", "sent.wav", "--max-delay", "20ms")
    assert (code, err) == (0, "")
    assert out.startswith("delay        10 ms (80.00 samples): late.wav lags sent.wav\n")
    assert "leads" in run(capsys, "delay", "sent.wav", "late.wav")[1]
    facts = json.loads(run(capsys, "delay", "late.wav", "sent.wav", "--json")[1])
    assert facts["delay_seconds"] == pytest.approx(0.01)
    assert run(capsys, "delay", "late.wav", "sent.wav", "--max-delay", "20")[0] == 2


def test_an_encoding_that_changes_unasked_is_told(
    capsys: pytest.CaptureFixture[str], directory: Path
) -> None:
    soundfile.write("float.wav", 0.1 * noise(500, 1), RATE, "FLOAT")
    soundfile.write("packed.wav", 0.1 * noise(500, 1), RATE, "IMA_ADPCM")
    for source, target, told in [
        ("float.wav", "a.flac", "a.flac stores PCM_24: FLAC is not written with FLOAT"),
        ("packed.wav", "b.wav", "b.wav stores PCM_16: WAV is not written with IMA_ADPCM"),
        ("in.wav", "c.wav", ""),
        ("float.wav", "d.wav", ""),
    ]:
        code, _, err = run(capsys, "convolve", source, "-k", "[1]", "-o", target, "-q")
        assert code == 0
        assert told in err if told else not err
    code, _, err = run(
        capsys, "convolve", "float.wav", "-k", "[1]", "-o", "e.wav", "--subtype", "PCM_16", "-q"
    )
    assert (code, err) == (0, "")


def test_datasets_and_stores_go_through_the_command(
    capsys: pytest.CaptureFixture[str], directory: Path
) -> None:
    for target in ("out.h5:/smooth", "out.zarr"):
        code, out, err = run(capsys, "convolve", "in.npy", "-k", "box:3x3", "-o", target, "--json")
        assert err == ""
        assert code == 0
        assert len(json.loads(out)["sha256"][target]) == 64
        code, out, err = run(capsys, "info", target)
        assert code == 0
        assert "20 x 30" in out
    stores = "out.h5:/smooth", "out.zarr"
    assert run(capsys, "convolve", *stores, "-k", "[[1]]", "--outdir", ".")[0] == 4
    Path("made").mkdir()
    assert run(capsys, "convolve", *stores, "-k", "[[1]]", "--outdir", "made")[0] == 0
    assert sorted(path.name for path in Path("made").iterdir()) == ["out.h5", "out.zarr"]
    next(path for path in Path("out.zarr", "c").rglob("*") if path.is_file()).unlink()
    code, _, err = run(capsys, "convolve", "out.zarr", "-k", "[[1]]", "-o", "again.npy")
    assert code == 3
    assert "--missing-chunks fill" in err
    assert "would read as a fill value" in run(capsys, "info", "out.zarr")[1]


def test_a_recording_too_long_for_wav_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sigconv.files.headers.LARGEST_32_BIT", 10_000)
    code, _, err = run(capsys, "convolve", "in.wav", "-k", "[1]", "-o", "out.wav", "-q")
    assert code == 0
    assert err == "sigconv: warning: out.wav is RF64: WAV holds at most 4 GB.\n"
    assert soundfile.info("out.wav").format == "RF64"
