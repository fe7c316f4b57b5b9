"""Calibrating ends within about a minute, however slow the computer is."""

import numpy as np
import pytest

from sigconv.fft import TransformSpec, fftw
from sigconv.planning import MACHINE, loops, measuring, rates
from sigconv.planning.calibration import Calibration

with_fftw = pytest.mark.skipif(not fftw.is_available(), reason="pyfftw is not installed")


class SlowComputer:
    """A clock, which each figure moves on, and measurements that record how long they were to be.

    The computer takes `slowness` times what the one with the shipped speeds takes.
    """

    def __init__(self, monkeypatch, slowness: float) -> None:
        self.now, self.slowness = 0.0, slowness
        self.asked: dict[str, float] = {}
        slow = {key: slowness * rate for key, rate in MACHINE.slice_add.items()}
        monkeypatch.setattr(measuring, "monotonic", lambda: self.now)
        found = {
            "measure_block": (1e-5, 1e-5),
            "measure_thread": 1e-5,
            "measure_copy": 1e-11,
            "measure_multiply": 1e-11,
            "measure_sums": (MACHINE.multiply_add, slow),
            "measure_convolve": MACHINE.convolve,
            "measure_loading": (0.5, 0.5),
        }
        for name, value in found.items():
            monkeypatch.setattr(loops, name, self.measured(name, value))
        for name, field in (
            ("measure_transforms", "fft"),
            ("measure_transforms_nd", "fft_nd"),
            ("measure_columns", "fft_columns"),
        ):
            monkeypatch.setattr(rates, name, self.measured(name, getattr(MACHINE, field)))

    def measured(self, name, value):
        def measure(*arguments):
            self.asked[name] = next((a for a in arguments if isinstance(a, float)), 0.0)
            self.now += self.slowness * {"measure_transforms": 8.0, "measure_loading": 11.0}.get(
                name, 0.2
            )
            return value

        return measure


def test_speeds_are_measured_with_fewer_tries_where_time_is_short(monkeypatch):
    usual = SlowComputer(monkeypatch, 1.0)
    found = measuring.measure_machine(limit=measuring._SPEEDS)
    assert usual.asked["measure_transforms"] == measuring._EACH
    assert (found.cold_loop, found.compile_loop) == (0.5, 0.5)
    slow = SlowComputer(monkeypatch, 4.0)
    found = measuring.measure_machine(limit=measuring._SPEEDS)
    assert 0 < slow.asked["measure_transforms"] < measuring._EACH
    assert slow.asked["measure_convolve"] == 0
    assert "measure_loading" not in slow.asked
    assert found.compile_loop == MACHINE.compile_loop
    assert slow.now < 60
    # Without a limit, all is measured as ever.
    measuring.measure_machine()
    assert slow.asked["measure_convolve"] == measuring._EACH
    assert "measure_loading" in slow.asked


@with_fftw
@pytest.mark.parametrize(("took", "searches"), [(45.0, [2.5, 2.5]), (55.0, [])])
def test_the_search_for_wisdom_takes_what_is_left_of_a_minute(monkeypatch, took, searches):
    now, limits = [0.0], []

    def measured(*arguments, **keywords):
        now[0] = took
        return MACHINE

    spec = TransformSpec(1, (96,), np.dtype("f4"), "wisdom")
    monkeypatch.setattr(measuring, "monotonic", lambda: now[0])
    monkeypatch.setattr(measuring, "measure_machine", measured)
    monkeypatch.setattr(measuring, "useful_blocks", lambda machine: [spec, spec])
    monkeypatch.setattr(fftw, "FftwTransform", lambda spec, limit: limits.append(limit))
    monkeypatch.setattr(fftw, "export_wisdom", lambda: None)
    assert measuring.calibrate() == Calibration(MACHINE)
    assert limits == searches
