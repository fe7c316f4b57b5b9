"""The picture of superposition: a panel a row, one scale, the sum below."""

import io

import numpy as np
import pytest

from sigconv.errors import DTypeError, ShapeError
from sigconv.lti.superposition import superpose
from sigconv.plots.superposition import draw_superposition

pytestmark = pytest.mark.extras


def stems(panel):
    """The (n, value) of every stem."""
    return [tuple(point) for point in panel.lines[-1].get_xydata()]


def test_each_row_has_a_panel_and_the_sum_the_last() -> None:
    h = 0.7 ** np.arange(4)
    table = superpose((1, 3, 2, 0.5), h)
    figure = draw_superposition(table)
    *rows, total = figure.axes
    assert [panel.get_ylabel() for panel in rows] == [
        "x[0] h[n]\nx[0] = 1",
        "x[1] h[n-1]\nx[1] = 3",
        "x[2] h[n-2]\nx[2] = 2",
        "x[3] h[n-3]\nx[3] = 0.5",
    ]
    assert stems(rows[1]) == [(1 + k, 3 * tap) for k, tap in enumerate(h)]
    assert total.get_ylabel() == "sum:\n(x * h)[n]"
    assert stems(total) == list(enumerate(table.total))
    assert total.get_xlabel() == "n (samples)"


def test_all_panels_share_their_scales() -> None:
    *rows, total = draw_superposition(superpose([2, -1], [1, 1, 1])).axes
    assert {panel.get_xlim() for panel in (*rows, total)} == {(-0.6, 3.6)}
    assert len({panel.get_ylim() for panel in rows}) == 1
    low, high = rows[0].get_ylim()
    assert low < -1
    assert high > 2


def test_a_sum_is_as_tall_as_its_scale_asks() -> None:
    figure = draw_superposition(superpose([1.0, 1.0], [1.0, 1.0]))
    figure.draw_without_rendering()
    row, _, total = figure.axes
    per_unit = [
        panel.get_window_extent().height / np.ptp(panel.get_ylim()) for panel in (row, total)
    ]
    assert per_unit[0] == pytest.approx(per_unit[1], rel=0.02)


def test_labels_of_the_table_name_the_panels() -> None:
    figure = draw_superposition(superpose([1], [1], labels=("deposit", "growth")))
    assert figure.axes[0].get_ylabel() == "deposit[0] growth[n]\ndeposit[0] = 1"
    assert figure.axes[1].get_ylabel() == "sum:\n(deposit * growth)[n]"


def test_of_many_rows_the_middle_ones_are_left_out() -> None:
    figure = draw_superposition(superpose(np.ones(40), [1.0, 2.0]))
    assert len(figure.axes) == 5 + 1 + 5 + 1
    assert figure.axes[5].texts[0].get_text() == "... 30 more rows ..."
    assert stems(figure.axes[6]) == [(35, 1), (36, 2)]


@pytest.mark.parametrize("x", [[0, 0], [1.0, np.nan, np.inf], [np.nan]])
def test_zeros_and_what_is_not_finite_are_drawn(x) -> None:
    file = io.BytesIO()
    draw_superposition(superpose(x, [1.0])).savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")


def test_only_real_numbers_have_heights() -> None:
    with pytest.raises(DTypeError, match="symbols"):
        draw_superposition(superpose("ab", "ij"))
    with pytest.raises(DTypeError, match="complex"):
        draw_superposition(superpose([1j], [1]))
    with pytest.raises(ShapeError, match="nothing to draw"):
        draw_superposition(superpose([], [1]))
