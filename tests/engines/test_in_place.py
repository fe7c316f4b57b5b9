"""Direct sums read and written where plain arrays lie give the numbers of blocks, bit for bit."""

import threading
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sigconv as sc
from sigconv.engines import compiled, crew, direct_kernel, execute, in_place, prepare, workers
from sigconv.engines.compiled import has_numba
from sigconv.engines.in_place import InPlaceStep, suits_in_place
from sigconv.engines.sum_costs import loop_seconds
from sigconv.loops import pieces
from sigconv.planning import MACHINE
from sigconv.testing import assert_close, cases, naive_convolve, tolerance
from tests.engines.signals import normal

pytestmark = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
RNG = np.random.default_rng(12)
CASES = [
    ((50_000,), (9,), None),
    ((300, 400), (3, 5), None),
    ((60, 2500), (9, 8), None),
    ((10, 12, 1500), (3, 2, 4), None),
    ((30, 8000), (5,), -1),
    ((6, 90, 100), (3, 3), (1, 2)),
]


drawn = partial(normal, RNG)


def planned(x, h, mode="same", axes=None):
    return replace(sc.plan(x, h, mode, axes=axes, method="direct"), loop="numba")


def in_blocks(plan, x, h):
    problem = plan.problem
    out = np.empty(problem.result_shape, problem.dtypes.result)
    prepared = prepare(plan, problem.kernel_view(h))
    views = problem.signal_view(x), problem.result_view(out)
    execute(prepared, *views, grid=plan.grid)
    return out


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("shape", "taps", "axes"), CASES)
def test_pieces_give_the_bits_of_blocks(shape, taps, axes, mode, dtype):
    x, h = drawn(shape, dtype), drawn(taps, dtype)
    plan = planned(x, h, mode, axes)
    assert suits_in_place(plan.problem)
    step = InPlaceStep(plan)
    expected = in_blocks(plan, x, h)
    for count in (1, 3):
        y = step.apply(x, step.weights(h), workers=count)
        np.testing.assert_array_equal(y, expected)
    out = np.empty_like(expected)
    assert step.apply(x, step.weights(h), out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_correlation_has_its_template_conjugated(mode):
    x, h = drawn((700, 900), "c8"), drawn((3, 2), "c8")
    y = sc.correlate(x, h, mode, method="direct")
    flipped = np.conj(h[::-1, ::-1]).astype("c16")
    center = (h.shape[0] - 1 - h.shape[0] // 2, h.shape[1] - 1 - h.shape[1] // 2)
    keywords: dict[str, Any] = {"center": center} if mode == "same" else {}
    expected = naive_convolve(x.astype("c16"), flipped, mode, **keywords)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nonfinite_samples_reach_what_the_sum_gives_them_to(value):
    x, h = drawn((400, 500)), drawn((3, 3))
    x[7, 8] = value
    plan = planned(x, h)
    step = InPlaceStep(plan)
    y: Any = step.apply(x, step.weights(h))
    marked = np.zeros(x.shape, bool)
    marked[6:9, 7:10] = True
    np.testing.assert_array_equal(~np.isfinite(y), marked)
    # Watched, the sums are thrown away, and the blocks say what is wrong.
    assert step.apply(x, step.weights(h), watch=True) is None
    x[7, 8] = 0
    watched = step.apply(x, step.weights(h), watch=True, workers=2)
    np.testing.assert_array_equal(watched, step.apply(x, step.weights(h)))


def test_what_is_unusual_is_left_to_the_blocks():
    x, h = drawn((400, 500)), drawn((3, 3))
    plan = planned(x, h)
    step = InPlaceStep(plan)
    weights = step.weights(h)
    assert step.apply(x, weights) is not None
    assert step.apply(np.asfortranarray(x), weights) is None
    assert step.apply(x.astype(">f8"), weights) is None
    assert step.apply(x.astype("f2"), weights) is None
    assert step.apply(x.astype(">f8"), weights) is None
    assert step.apply(x[:9], weights) is None
    assert step.apply(x, weights, np.empty_like(x), watch=True) is None
    assert step.apply(x, np.where(weights > 0, weights, np.nan)) is None
    assert step.apply(x, np.where(np.arange(9) % 3 == 0, weights, 0)) is None
    assert step.apply(x, weights, x) is None
    assert step.apply(x, weights, np.empty((400, 1000))[:, ::2]) is None
    read_only = x.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(step.apply(read_only, weights), step.apply(x, weights))


BOUNDARIES = ["zero", "constant", "edge", "reflect", "symmetric", "wrap"]


@pytest.mark.parametrize("boundary", [*BOUNDARIES, [("constant", "edge"), ("wrap", "zero")]])
@pytest.mark.parametrize(
    ("shape", "taps"),
    [
        ((40, 700), (3, 5)),  # ends of rows in strips
        ((60, 90), (9, 7)),  # rows copied whole
        ((3, 4), (8, 9)),  # kernels longer than the signal
        ((5, 600), (1, 9)),  # rows that share nothing
    ],
)
@pytest.mark.parametrize("mode", ["full", "same"])
def test_samples_beyond_the_edges_are_read_by_their_maps(shape, taps, mode, boundary):
    x, h = drawn(shape), drawn(taps)
    fill = 7.0 if "constant" in str(boundary) else 0.0
    keywords: dict[str, Any] = {"boundary": boundary, "fill_value": fill}
    plan = replace(sc.plan(x, h, mode, method="direct", **keywords), loop="numba")
    step = InPlaceStep(plan)
    y: Any = step.apply(x, step.weights(h), workers=2)
    np.testing.assert_allclose(y, naive_convolve(x, h, mode, **keywords), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(in_blocks(plan, x, h), y)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("channels", [2, 3, 70])
def test_channels_side_by_side_keep_their_order(channels, boundary):
    x, h = drawn((900, channels)), drawn((12,))
    plan = replace(sc.plan(x, h, "same", axes=0, method="direct", boundary=boundary), loop="numba")
    step = InPlaceStep(plan)
    y: Any = step.apply(x, step.weights(h))
    expected = naive_convolve(x, h, "same", axes=0, boundary=boundary)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


MOVED = [("u1", "f4"), ("i2", "f4"), ("f8", "f4"), ("f4", "f8"), ("bool", "f8"), ("f4", "c8")]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("source", "sums"), MOVED)
def test_samples_of_other_dtypes_give_the_bits_that_a_copy_gives(
    source, sums, boundary, monkeypatch
):
    compiled.load_mover(np.dtype(source), np.dtype(sums))
    # The loop converts what is not worth a copy.
    monkeypatch.setattr(in_place, "_MOST_SAMPLES", 0)
    for shape, taps, axes in [*CASES, ((300, 400, 3), (3, 3), (0, 1))]:
        x, h = (30 * drawn(shape)).astype(source), drawn(taps, sums)
        keywords = {"axes": axes, "boundary": boundary, "dtype": sums, "method": "direct"}
        plan = replace(sc.plan(x, h, "same", **keywords), loop="numba")
        step = InPlaceStep(plan)
        expected = step.apply(x.astype(sums), step.weights(h))
        for count in (1, 3):
            y = step.apply(x, step.weights(h), workers=count)
            np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("source", ["u1", "i2", "i8"])
@pytest.mark.parametrize("largest", [1, 2**20, 2**50])
def test_whole_numbers_take_one_step(source, largest, monkeypatch):
    for lanes in ("f4", "f8", "i8"):
        for pair in ((source, lanes), (lanes, "i8")):
            compiled.load_mover(*map(np.dtype, pair))
    monkeypatch.setattr(direct_kernel.DirectKernel, "apply", None)
    x = RNG.integers(0, 50, (700, 900)).astype(source)
    h = RNG.integers(-9, 9, (3, 5)) * largest
    y = sc.convolve(x, h, "same", method=planned(x, h))
    np.testing.assert_array_equal(y, naive_convolve(x, h, "same"))


@given(case=cases(dtypes=("float32", "complex128"), min_size=1), workers=st.integers(1, 3))
def test_pieces_of_any_size_are_the_definition(case, workers):
    # A piece for each row, or few outputs: pieces meet where they will.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_PIECE_PRODUCTS", 1)
        patch.setattr(pieces, "_LEAST_COLUMNS", 2)
        x, h = case.signal, case.kernel
        plan = replace(sc.plan(x, h, method="direct", **case.keywords), loop="numba")
        assume(suits_in_place(plan.problem))
        step = InPlaceStep(plan)
        y: Any = step.apply(x, step.weights(h), workers=workers)
        fill = case.keywords.get("fill_value", 0.0)
        expected = naive_convolve(x, h, dtype=y.dtype, **case.keywords)
        assert_close(y, expected, tolerance(x, h, y.dtype, fill_value=fill))


@pytest.mark.parametrize("keywords", [{"boundary": "absent"}, {"rtol": 1e-9}])
def test_what_is_more_than_sums_is_left_to_the_blocks(keywords):
    plan = sc.plan((400, 500), (3, 3), "same", method="direct", **keywords)
    assert not suits_in_place(plan.problem)


@pytest.mark.parametrize("moment", ["while it sums", "while it calls helpers"])
def test_an_interrupted_call_lets_nobody_write_afterwards(monkeypatch, moment):
    x, h = drawn((1500, 700)), drawn((31, 31))
    step = InPlaceStep(planned(x, h))
    sums: Any = step.sums(x.dtype)
    told, sum_taps, begun = [], sums.sum, threading.Event()

    def interrupted(*arguments):
        told.append(arguments[3])
        if threading.current_thread() is threading.main_thread():
            assert begun.wait(30)
            raise KeyboardInterrupt
        begun.set()
        return sum_taps(*arguments)

    def interrupting(tasks):
        call_helpers(tasks)
        assert begun.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr(sums, "sum", interrupted)
    if moment == "while it calls helpers":
        call_helpers = crew.call_helpers
        monkeypatch.setattr(workers, "call_helpers", interrupting)
    with pytest.raises(KeyboardInterrupt):
        step.apply(x, step.weights(h), workers=2)
    taken, done, _ = told[0].base[0][-3:]
    # All that was taken before is done; the helper has looked for another piece in vain.
    assert done <= taken - (1 << 62) <= done + 1
    assert done < sums.calls[0][1]
    monkeypatch.undo()
    np.testing.assert_array_equal(
        step.apply(x, step.weights(h), workers=2), step.apply(x, step.weights(h))
    )


def test_as_many_workers_take_pieces_as_were_asked_for(monkeypatch):
    x, h = drawn((600, 700)), drawn((9, 9))
    step = InPlaceStep(planned(x, h))
    sums: Any = step.sums(x.dtype)
    together, threads, sum_taps = threading.Barrier(4, timeout=60), set(), sums.sum

    def met(*arguments):
        threads.add(threading.get_ident())
        together.wait()
        return sum_taps(*arguments)

    monkeypatch.setattr(sums, "sum", met)
    y = step.apply(x, step.weights(h), workers=4)
    monkeypatch.undo()
    assert len(threads) == 4
    np.testing.assert_array_equal(y, step.apply(x, step.weights(h)))


def test_no_more_scratch_is_made_than_pieces_can_be_taken(monkeypatch):
    x, h = drawn((600, 700)), drawn((9, 9))
    step = InPlaceStep(planned(x, h))
    sums: Any = step.sums(x.dtype)
    pieces = sums.calls[0][1]
    sizes, make = [], sums.workers

    def counted(members):
        sizes.append(len(members))
        return make(members)

    monkeypatch.setattr(sums, "workers", counted)
    step.apply(x, step.weights(h), workers=pieces + 50)
    assert sizes == [pieces]


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((3, 300_000), 0), ((3, 300_000), 1), ((50, 20_000), 0), ((50, 20_000), 1), ((300_000, 3), 0)],
)
def test_a_kernel_across_rows_is_predicted_as_it_is_summed(shape, axis):
    taps = (9, 1) if axis == 0 else (1, 9)
    plan = planned(np.ones(shape), np.ones(taps))
    whole = sc.plan((900_000,), (9,), "same", method="direct").problem
    # Rows that do not exist, and rows that share their samples, make it less.
    ratio = loop_seconds(plan.problem, MACHINE) / loop_seconds(whole, MACHINE)
    assert 0.1 < ratio < 3
    assert sc.plan(shape, taps, "same").method == "direct"
