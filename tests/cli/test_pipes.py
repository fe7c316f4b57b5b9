"""Pipes into and out of the command, with other programs at the other ends."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from shutil import which

import numpy as np
import pytest
import soundfile

from tests.cli.helpers import RATE
from tests.files.helpers import names_in

pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX"),
]
SIGCONV = f"{shlex.quote(sys.executable)} -m sigconv.cli"
CONVOLVE = f"{SIGCONV} convolve"
needs_sox = pytest.mark.skipif(which("sox") is None, reason="needs sox: apt install sox")
needs_ffmpeg = pytest.mark.skipif(
    which("ffmpeg") is None, reason="needs ffmpeg: apt install ffmpeg"
)


def shell(line: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a pipeline, which fails where one of its commands does."""
    command = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(command, cwd=directory, capture_output=True, timeout=300, check=False)


@pytest.fixture
def expected(directory: Path) -> np.ndarray:
    """What a file becomes by a file."""
    done = shell(f"{CONVOLVE} in.wav -k box:9 -o own.wav -q", directory)
    assert done.returncode == 0
    samples: np.ndarray = soundfile.read(directory / "own.wav")[0]
    return samples


@pytest.mark.parametrize(
    "line",
    [
        f"cat in.wav | {CONVOLVE} - -k box:9 -o out.wav -q",
        f"{CONVOLVE} in.wav -k box:9 -o - -q > out.wav",
        f"cat in.wav | {CONVOLVE} - -k box:9 -o - -q | {CONVOLVE} - -k [1] -o out.wav -q",
        pytest.param(
            f"sox in.wav -t wav - | {CONVOLVE} - -k box:9 -o - -q | sox -V1 -t wav - out.wav",
            marks=needs_sox,
        ),
        pytest.param(
            f"sox in.wav -t au - | {CONVOLVE} - -k box:9 -o - -q | sox -V1 -t au - out.wav",
            marks=needs_sox,
        ),
        pytest.param(
            f"sox in.wav -t s16 - | {CONVOLVE} - --raw s16le --rate {RATE}Hz --channels 2 -k box:9 "
            f"-o - -q | sox -t s16 -r {RATE} -c 2 - out.wav",
            marks=needs_sox,
        ),
        pytest.param(
            f"ffmpeg -loglevel error -i in.wav -f wav - | {CONVOLVE} - -k box:9 -o - -q | "
            "ffmpeg -loglevel error -i - out.wav",
            marks=needs_ffmpeg,
        ),
    ],
)
def test_a_pipeline_gives_the_samples_of_files(
    line: str, directory: Path, expected: np.ndarray
) -> None:
    done = shell(line, directory)
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"")
    np.testing.assert_array_equal(soundfile.read(directory / "out.wav")[0], expected)


def test_what_is_said_goes_to_stderr_when_audio_goes_to_stdout(directory: Path) -> None:
    plain = shell(f"{CONVOLVE} in.wav -k box:9 -o -", directory)
    assert plain.stderr.startswith(b"stdout: 4008 x 2 WAV PCM_16 from 4000 x 2")
    assert plain.stdout[:4] == b"RIFF"
    done = shell(f"{CONVOLVE} in.wav -k box:9 -o - --json", directory)
    assert done.stdout == plain.stdout
    facts = json.loads(done.stderr)
    assert facts["target"] == "stdout"
    assert len(facts["sha256"]["stdout"]) == 64
    dry = shell(f"{CONVOLVE} in.wav -k box:9 -o - --dry-run", directory)
    assert dry.stdout == b""
    assert b"would write stdout" in dry.stderr


def test_progress_of_a_pipe_has_no_total(directory: Path) -> None:
    line = f"{CONVOLVE} - --raw s16le --rate 8kHz --channels 2 -k [1] -o out.wav --progress json -q"
    done = shell(f"tail -c +45 in.wav | {line}", directory)
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["total"] is None
    assert lines[-1]["done"] == 4000 * 2 * 4


def test_whoever_stops_reading_ends_it_quietly(directory: Path) -> None:
    soundfile.write(directory / "long.wav", np.zeros((2_000_000, 2)), RATE, "FLOAT")
    done = shell(f"{CONVOLVE} long.wav -k box:9 -o - -q | head -c 1000 > part", directory)
    assert (done.returncode, done.stderr) == (141, b"")
    assert (directory / "part").stat().st_size == 1000


def test_a_cut_pipe_is_an_error_of_one_line_and_leaves_nothing(directory: Path) -> None:
    before = names_in(directory)
    done = shell(f"head -c 5001 in.wav | {CONVOLVE} - -k box:9 -o out.wav", directory)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
    assert b"promises 16000 bytes of samples, 4957 came" in done.stderr
    assert names_in(directory) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("buffered", ["-u PYTHONUNBUFFERED", "PYTHONUNBUFFERED=1"])
@pytest.mark.parametrize("words", ["convolve in.wav -k box:9 -o -", "info in.wav"])
def test_a_full_disk_behind_the_pipe_is_an_error_of_one_line(
    words: str, buffered: str, directory: Path
) -> None:
    done = shell(f"env {buffered} {SIGCONV} {words} > /dev/full", directory)
    assert done.returncode == 1
    assert done.stderr.startswith(b"sigconv: No space left on device")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("end", "said"), [("stdin", b"stdin is a terminal"), ("stdout", b"not written to a terminal")]
)
def test_terminals_are_refused(end: str, said: bytes, directory: Path) -> None:
    parent, child = os.openpty()
    ends = ["-", "-o", "out.wav"] if end == "stdin" else ["in.wav", "-o", "-"]
    command = [sys.executable, "-m", "sigconv.cli", "convolve", *ends, "-k", "[1]"]
    done = subprocess.run(
        command,
        cwd=directory,
        stdin=child if end == "stdin" else subprocess.DEVNULL,
        stdout=child if end == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    os.close(parent)
    os.close(child)
    assert done.returncode == 2
    assert said in done.stderr


def test_stdin_has_no_name_in_a_directory(directory: Path) -> None:
    done = shell(f"cat in.wav | {CONVOLVE} - in.wav -k [1] --outdir .", directory)
    assert done.returncode == 2
    assert b"stdin has no name" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_pipe(
    number: signal.Signals, code: int, directory: Path
) -> None:
    before = names_in(directory)
    command = [sys.executable, "-m", "sigconv.cli", "convolve", "-", "-k", "[1]", "-o", "out.wav"]
    process = subprocess.Popen(
        command, cwd=directory, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write((directory / "in.wav").read_bytes()[:9000])
    process.stdin.flush()
    # The temporary file is there when samples are awaited.
    while names_in(directory) == before and process.poll() is None:
        pass
    process.send_signal(number)
    assert process.wait(timeout=300) == code
    process.stdin.close()
    assert process.stderr is not None
    assert process.stderr.read() == b"sigconv: interrupted; no output was written.\n"
    process.stderr.close()
    assert names_in(directory) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_whoever_reads(number: signal.Signals, directory: Path) -> None:
    soundfile.write(directory / "long.wav", np.zeros((500_000, 2)), RATE, "FLOAT")
    command = [sys.executable, "-m", "sigconv.cli", "convolve", "long.wav", "-k", "[1]", "-o", "-"]
    process = subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(4) == b"RIFF"
    process.send_signal(number)
    assert process.wait(timeout=60) == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert process.stderr.read() == b"sigconv: interrupted; the output was written in part.\n"
    process.stdout.close()
    process.stderr.close()


def test_a_file_that_is_called_like_a_pipe_is_a_file(directory: Path) -> None:
    (directory / "in.wav").rename(directory / "-")
    done = shell(f"{CONVOLVE} ./- -k box:9 -o out.wav < /dev/null", directory)
    assert done.returncode == 3
    assert b"the name has no suffix" in done.stderr


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("- -k [1] -o out.wav <&-", 2, b"stdin is closed"),
        ("in.wav -k [1] -o - >&-", 2, b"stdout is closed"),
        ("in.wav -k [1] -o out.wav >&-", 0, b""),
        ("nothing.wav -k [1] -o - 2>&-", 3, b""),
        ("nothing.wav -k [1] -o out.wav 2>/dev/full", 3, b""),
    ],
)
def test_closed_ends_are_no_files(line: str, code: int, said: bytes, directory: Path) -> None:
    done = shell(f"{CONVOLVE} {line}", directory)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == b""


def test_a_corrupt_store_is_an_error_of_one_line(directory: Path) -> None:
    assert shell(f"{CONVOLVE} in.npy -k [[1]] -o in.zarr -q", directory).returncode == 0
    for chunk in (path for path in (directory / "in.zarr").rglob("*") if path.is_file()):
        if chunk.name != "zarr.json":
            chunk.write_bytes(b"x" * chunk.stat().st_size)
    done = shell(f"{CONVOLVE} in.zarr -k [[1]] -o out.npy", directory)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
