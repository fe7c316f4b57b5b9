"""The command as a process of its own: signals, terminals, imports and memory."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import nibabel
import numpy as np
import pytest
import soundfile
import tifffile

import sigconv
from sigconv.testing import assert_close, tolerance
from tests.files.helpers import names_in, noise

pytestmark = pytest.mark.extras

RATE = 48_000
SECONDS = 120

# Sends itself a signal while a block is being encoded, and then goes on as if nothing was.
SIGNALLED = """
import os, sys
from sigconv.cli import main
from sigconv.files import audio_streams as audio

encode = audio.AudioSink._encode

def encode_and_signal(self, samples):
    os.kill(os.getpid(), int(sys.argv[1]))
    encode(self, samples)

audio.AudioSink._encode = encode_and_signal
sys.exit(main(sys.argv[2:]))
"""

# Ends with the modules that were imported and the most memory that was resident.
MEASURED = """
import re, sys
from sigconv.cli import main

code = main(sys.argv[1:])
print(*sys.modules)
with open("/proc/self/status") as status:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
sys.exit(code)
"""


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "in.wav", 0.2 * noise(9000, 2), RATE, "FLOAT")
    return tmp_path


def test_command_from_end_to_end(wav: Path) -> None:
    arguments = ("convolve", "in.wav", "-k", "[0.25, 0.5, 0.25]", "-o", "out.wav")
    done = run("-m", "sigconv.cli", *arguments, cwd=wav)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("out.wav: 9002 x 2 WAV FLOAT")
    x = soundfile.read(wav / "in.wav", dtype="float32")[0]
    h = np.array([0.25, 0.5, 0.25], np.float32)
    y = soundfile.read(wav / "out.wav", dtype="float32")[0]
    assert_close(y, sigconv.convolve(x, h, axes=0), tolerance(x, h, np.float32))


def test_error_of_the_process_is_one_line(wav: Path) -> None:
    (wav / "in.wav").write_bytes((wav / "in.wav").read_bytes()[:999])
    arguments = ("convolve", "in.wav", "-k", "[1]", "-o", "out.wav")
    done = run("-m", "sigconv.cli", *arguments, cwd=wav)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("sigconv: in.wav: ")
    assert done.stderr.count("\n") == 1
    assert names_in(wav) == ["in.wav"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
@pytest.mark.parametrize("old", [None, b"old"])
def test_signal_leaves_the_old_target_and_no_temporary_file(
    wav: Path, number: signal.Signals, code: int, old: bytes | None
) -> None:
    if old is not None:
        (wav / "out.wav").write_bytes(old)
    done = run(
        "-c", SIGNALLED, str(int(number)),
        "convolve", "in.wav", "-k", "[1]", "-o", "out.wav", "--force", cwd=wav,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr == "sigconv: interrupted; no output was written.\n"
    assert names_in(wav) == (["in.wav"] if old is None else ["in.wav", "out.wav"])
    assert old is None or (wav / "out.wav").read_bytes() == old


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("words", ["plan 1000x1000 -k 9x9", "--help", "kernel box:9 --json"])
def test_pipe_that_nobody_reads_ends_it_quietly(tmp_path: Path, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "sigconv.cli", *words.split()]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, timeout=300, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sigconv.cli", "plan", "1000", "-k", "9"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, timeout=300, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"sigconv: No space left on device. ")
    assert done.stderr.count(b"\n") == 1


def interrupted(directory: Path, number: signal.Signals, after: float) -> int:
    """Convolve in a process that gets a signal after so many seconds; return its exit code."""
    # The header of a float WAV has the time.
    words = "convolve in.wav -k h.wav -o out.wav --subtype PCM_24 --force -q"
    command = [sys.executable, "-m", "sigconv.cli", *words.split()]
    process = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    said = process.communicate(timeout=300)[1]
    assert b"Traceback" not in said
    return process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_signal_at_any_moment_leaves_the_old_target_or_the_new_one(
    tmp_path: Path, number: signal.Signals
) -> None:
    soundfile.write(tmp_path / "h.wav", 0.01 * noise(4096, 1), RATE, "FLOAT")
    write_minutes(tmp_path / "in.wav", 30)
    assert interrupted(tmp_path, number, 300) == 0
    new = (tmp_path / "out.wav").read_bytes()
    codes = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
    for after in np.random.default_rng(number).uniform(0.5, 1.5, 6):
        (tmp_path / "out.wav").write_bytes(b"old")
        code = interrupted(tmp_path, number, after)
        # Before the command listens, SIGTERM ends the interpreter itself.
        assert code in (0, codes[number], -number)
        left = (tmp_path / "out.wav").read_bytes()
        # At the end, results may be whole before the code is.
        assert left == new if code == 0 else left in (b"old", new)
        if number != signal.SIGKILL:
            assert names_in(tmp_path) == ["h.wav", "in.wav", "out.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_shown_on_a_terminal_unless_quiet(wav: Path, quiet: bool) -> None:
    parent, child = os.openpty()
    arguments = ["convolve", "in.wav", "-k", "[1]", "-o", "out.wav", *(["-q"] if quiet else [])]
    done = subprocess.run(
        [sys.executable, "-m", "sigconv.cli", *arguments],
        cwd=wav, stdout=subprocess.PIPE, stderr=child, timeout=300, check=False,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(child)
    shown = read_all(parent)
    assert done.returncode == 0
    assert (b"in.wav" in shown) is not quiet
    assert b"out.wav" not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize("plain", [False, True])
def test_progress_has_no_colours_where_none_are_wanted(wav: Path, plain: bool) -> None:
    parent, child = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment |= {"NO_COLOR": "1"} if plain else {}
    done = subprocess.run(
        [sys.executable, "-m", "sigconv.cli", "convolve", "in.wav", "-k", "[1]", "-o", "out.wav"],
        cwd=wav, stdout=subprocess.PIPE, stderr=child, timeout=300, check=False,
        env=environment,
    )  # fmt: skip
    os.close(child)
    shown = read_all(parent)
    assert done.returncode == 0
    assert b"in.wav" in shown
    # Foregrounds are 30 to 37, 90 to 97, and 38 with a number.
    assert bool(re.search(rb"\x1b\[[0-9;]*\b(3[0-8]|9[0-7])\b[0-9;]*m", shown)) is not plain


def read_all(descriptor: int) -> bytes:
    """What was written to the other end of a pseudo-terminal that is closed by now."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 4096)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts)


def write_minutes(path: Path, seconds: int) -> None:
    block = 0.1 * noise(RATE, 2)
    with soundfile.SoundFile(path, "w", RATE, 2, "FLOAT") as file:
        for _ in range(seconds):
            file.write(block)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_long_recording_is_convolved_in_constant_memory(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "h.wav", 0.01 * noise(131_072, 1), RATE, "FLOAT")
    peaks, modules = [], set[str]()
    for seconds in (SECONDS, 3 * SECONDS):
        write_minutes(tmp_path / "in.wav", seconds)
        arguments = ("convolve", "in.wav", "-k", "h.wav", "-o", "out.wav", "--force", "-q")
        done = run("-c", MEASURED, *arguments, "--method", "overlap-save", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        names, peak = done.stdout.splitlines()
        modules |= set(names.split())
        peaks.append(int(peak) / 1024)
        assert soundfile.info(tmp_path / "out.wav").frames == seconds * RATE + 131_071
    # The longer file and its result have 2 x 92 MB more.
    assert max(peaks) < 300
    assert peaks[1] - peaks[0] < 40
    unneeded = {"matplotlib", "nibabel", "tifffile", "scipy.signal", "numba", "rich"}
    assert not unneeded & modules


LIMITED = """
import resource, sys
from sigconv.cli import main

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")
@pytest.mark.parametrize("suffix", [".npy", ".nii", ".nii.gz", ".tif", ".wav", ".flac"])
def test_output_that_finds_no_room_is_one_line_and_leaves_nothing(
    tmp_path: Path, suffix: str
) -> None:
    x = 0.1 * noise(40, 40, 40)
    if suffix in (".wav", ".flac"):
        subtype = "FLOAT" if suffix == ".wav" else "PCM_16"
        soundfile.write(tmp_path / f"in{suffix}", x.reshape(-1, 1), RATE, subtype)
    elif suffix == ".tif":
        tifffile.imwrite(tmp_path / "in.tif", x, photometric="minisblack")
    elif suffix == ".npy":
        np.save(tmp_path / "in.npy", x)
    else:
        nibabel.save(nibabel.Nifti1Image(x, np.eye(4)), tmp_path / f"in{suffix}")
    kernel = "[1]" if suffix in (".wav", ".flac") else "[[[1]]]"
    done = run(
        "-c", LIMITED, "convolve", f"in{suffix}", "-k", kernel, "-o", f"out{suffix}", cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"sigconv: out{suffix}: writing failed (")
    assert done.stderr.count("\n") == 1
    assert names_in(tmp_path) == [f"in{suffix}"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory that holds a megabyte."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mounted)]
    able = which("mount") is not None
    if not (able and subprocess.run(command, capture_output=True, check=False).returncode == 0):
        pytest.skip("needs the right to mount a tmpfs: run as root, outside of a container")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


OUTPUTS = {
    "out.wav": ("in.wav", "[1]"),
    "out.flac": ("in.wav", "[1]"),
    "out.npy": ("in.npy", "[[1]]"),
    "out.h5": ("in.npy", "[[1]]"),
    "out.zarr": ("in.npy", "[[1]]"),
    "out.tif": ("in.npy", "[[1]]"),
    "out.nii": ("in.nii", "[[[1]]]"),
}


def convolved(
    source: str, kernel: str, target: Path, cwd: Path
) -> subprocess.CompletedProcess[str]:
    words = "convolve", source, "-k", kernel, "-o", target, "--force"
    return run("-m", "sigconv.cli", *words, cwd=cwd)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("old", [False, True])
def test_disk_that_fills_leaves_the_old_target(small_disk: Path, name: str, old: bool) -> None:
    (source, kernel), directory, target = OUTPUTS[name], small_disk.parent, small_disk / name
    soundfile.write(directory / "in.wav", noise(300_000, 2), RATE, "PCM_24")
    np.save(directory / "in.npy", noise(1000, 1000))
    nibabel.save(nibabel.Nifti1Image(noise(100, 100, 100), np.eye(4)), directory / "in.nii")
    if old:
        np.save(directory / "tiny.npy", noise(10, 10))
        if name in ("out.h5", "out.zarr"):
            assert convolved("tiny.npy", kernel, target, directory).returncode == 0
        else:
            target.write_bytes(b"old")
    before = sorted((path.name, path.stat().st_size) for path in small_disk.rglob("*"))
    done = convolved(source, kernel, target, directory)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert sorted((path.name, path.stat().st_size) for path in small_disk.rglob("*")) == before
