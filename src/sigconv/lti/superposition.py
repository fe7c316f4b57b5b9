"""A convolution written out: shifted, weighted responses, and the kernel that slides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sigconv.convolution import convolve
from sigconv.core.dtypes import Array, as_numeric
from sigconv.core.shapes import full_length
from sigconv.errors import BudgetError, DTypeError, OptionError, ShapeError
from sigconv.lti.tables import (
    GAP,
    MOST,
    Line,
    aligned,
    cells,
    factors,
    joined,
    lagged,
    selected,
    texts,
)

__all__ = ["Superposition", "Window", "superpose"]

_MOST_CELLS = 1 << 26


class Window(NamedTuple):
    """One output of the flip-and-slide sum; ``str`` writes it out.

    Attributes
    ----------
    n : int
        The output: y[n] = sum over m of x[m] h[n-m].
    pairs : tuple of (int, int)
        The (m, n-m) at which both inputs have a sample.
    kernel : ndarray, shape (N,)
        h[n-m] for m = 0..N-1: the kernel flipped, its first tap on sample n; 0 (no text, for
        symbols) beyond its ends.
    products : ndarray, shape (N,)
        x[m] h[n-m]: column n of the table of responses.
    total : number or str
        Their sum, y[n].
    equation : str
        The sum, written out.
    """

    n: int
    pairs: tuple[tuple[int, int], ...]
    kernel: Array
    products: Array
    total: Any
    equation: str

    def __str__(self) -> str:
        return self.equation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Superposition:
    """The shifted, weighted responses to each sample, and their sum; ``print`` shows the table.

    Attributes
    ----------
    signal : ndarray, shape (N,)
        The samples x, numbers or symbols.
    kernel : ndarray, shape (K,)
        The impulse response h.
    rows : ndarray, shape (N, N+K-1)
        Row m is x[m] h[n-m], the response to sample m alone: h weighted by x[m] and shifted by m;
        0 (no text, for symbols) where h has no tap.
    total : ndarray, shape (N+K-1,)
        The sum of the rows: the convolution y.
    labels : (str, str)
        The names of x and h in print.
    """

    signal: Array
    kernel: Array
    rows: Array
    total: Array
    labels: tuple[str, str] = ("x", "h")

    @property
    def is_symbolic(self) -> bool:
        """Whether the table consists of symbols."""
        return self.signal.dtype.kind == "U"

    @property
    def windows(self) -> tuple[Window, ...]:
        """The flip-and-slide table: a `Window` for each output."""
        return tuple(map(self.window, range(len(self.total))))

    def window(self, n: int) -> Window:
        """Return what the flipped kernel meets when its first tap lies on sample n.

        Raises
        ------
        ShapeError
            An `n` that is none of 0..N+K-2.
        """
        if n not in range(len(self.total)):
            raise ShapeError(f"n must be one of the {len(self.total)} outputs from 0; got {n!r}.")
        met = self._met(n)
        kernel = np.zeros(len(self.signal), self.kernel.dtype)
        kernel[met] = self.kernel[n - np.array(met)]
        pairs = tuple((m, n - m) for m in met)
        return Window(n, pairs, kernel, self.rows[:, n], self.total[n], self._equation(n))

    def slide(self) -> str:
        """Return the flip-and-slide table as text, one output after another.

        Each line has the flipped kernel h[n-m] below the samples x[m] that it lies on, then the
        sum of the products. Beyond 12 columns only those of the signal are shown, the middle ones
        left out.
        """
        if not len(self.total):
            return self._emptiness()
        x, h = self.labels
        size, taps = len(self.signal), len(self.kernel)
        around = range(1 - taps, size + taps - 1)
        places = selected(around if len(around) <= MOST else range(size))
        signal = dict(enumerate(texts(self.signal)))
        kernel = dict(enumerate(texts(self.kernel)))
        lines = [
            Line("m", cells({m: m for m in places if m is not None}, places)),
            Line(f"{x}[m]", cells(signal, places)),
            None,
        ]
        for n in selected(range(len(self.total))):
            if n is None:
                lines.append(Line(GAP, [""] * len(places), GAP))
                continue
            flipped = {n - k: text for k, text in kernel.items()}
            lines.append(Line(f"{h}[{n}-m]", cells(flipped, places), self._sum(n)))
        return aligned(lines, even=True)

    def __str__(self) -> str:
        if not len(self.total):
            return self._emptiness()
        x, h = self.labels
        samples = selected(range(len(self.signal)))
        outputs = selected(range(len(self.total)))
        columns = [n for n in outputs if n is not None]
        shown = np.vstack([self.rows[[m for m in samples if m is not None]], self.total])
        # All at once, so that decimal points align throughout.
        rows = iter(np.array(texts(shown[:, columns].ravel()), object).reshape(len(shown), -1))
        lines = [Line("n", cells({n: n for n in columns}, outputs)), None]
        for m in samples:
            if m is None:
                lines.append(Line(GAP, [""] * len(outputs)))
                continue
            row = dict(zip(columns, next(rows), strict=True))
            response = {n: row[n] for n in columns if 0 <= n - m < len(self.kernel)}
            lines.append(Line(f"{x}[{m}] {h}[{lagged('n', m)}]", cells(response, outputs)))
        total = dict(zip(columns, next(rows), strict=True))
        lines += [None, Line(f"({x} * {h})[n]", cells(total, outputs))]
        inputs = f"{x} = {joined(self.signal)}\n{h} = {joined(self.kernel)}"
        return f"{inputs}\n\n{aligned(lines)}"

    def __repr__(self) -> str:
        kind = "symbols" if self.is_symbolic else str(self.total.dtype)
        return f"<Superposition of {len(self.signal)} responses of {len(self.kernel)} taps, {kind}>"

    def _met(self, n: int) -> range:
        """The samples that the flipped kernel lies on at output n."""
        return range(max(0, n - len(self.kernel) + 1), min(len(self.signal), n + 1))

    def _emptiness(self) -> str:
        (x, h), (size, taps) = self.labels, (len(self.signal), len(self.kernel))
        return f"{x} has {size} samples and {h} has {taps}: {x} * {h} is empty."

    def _equation(self, n: int) -> str:
        x, h = self.labels
        names = (GAP if m is None else f"{x}[{m}] {h}[{n - m}]" for m in selected(self._met(n)))
        return f"({x} * {h})[{n}] = {' + '.join(names)} = {self._sum(n)}"

    def _sum(self, n: int) -> str:
        if self.is_symbolic:
            return str(self.total[n])
        shown = selected(self._met(n))
        met = np.array([m for m in shown if m is not None])
        pairs = zip(factors(self.signal[met]), factors(self.kernel[n - met]), strict=True)
        products = iter([f"{sample}·{tap}" for sample, tap in pairs])
        summands = (GAP if m is None else next(products) for m in shown)
        return f"{' + '.join(summands)} = {joined(self.total[n : n + 1])}"


def superpose(
    signal: npt.ArrayLike | Sequence[Any],
    kernel: npt.ArrayLike | Sequence[Any],
    *,
    labels: tuple[str, str] = ("x", "h"),
) -> Superposition:
    """Superposition of the responses to each sample, whose sum is the convolution.

    Parameters
    ----------
    signal : array_like or sequence of str, shape (N,)
        The samples x: numbers (int, float, complex, Fraction, Decimal), or symbols: a string with
        a letter for each sample, or a list of names such as ``["x0", "x1"]``.
    kernel : array_like or sequence of str, shape (K,)
        The impulse response h: numbers beside numbers, symbols beside symbols.
    labels : (str, str)
        The names of the two in print.

    Returns
    -------
    Superposition
        ``rows``, the table; ``total``, their sum, equal to ``convolve(signal, kernel)``;
        ``windows`` and ``slide()``, the same sums by a flipped kernel that slides. ``print``
        writes the table, abbreviated from 13 rows or columns on. Empty where an input is.

    Raises
    ------
    ShapeError
        An input that is not 1-D.
    DTypeError
        Numbers beside symbols, symbols that do not read as a factor, or what `convolve` refuses.
    IntegerOverflowError
        Integers whose sums may not fit.
    BudgetError
        More than 2**26 cells.

    See Also
    --------
    sigconv.convolve : The sum alone, for inputs of any size.

    Notes
    -----
    y[n] = sum over m of x[m] h[n-m]. Row m holds summand m of every output: a shifted, weighted
    response. Column n holds every summand of output n: what the flipped kernel meets when its
    first tap lies on sample n. Superposition and flip-and-slide are one table, read in rows or in
    columns. Element types are those of `convolve`.

    Examples
    --------
    >>> table = superpose([3, 2, 1], [1, 1, 2])  # 321 x 112, multiplied without carries
    >>> print(table)
    x = 3, 2, 1
    h = 1, 1, 2
    <BLANKLINE>
    n           | 0  1  2  3  4
    ------------+--------------
    x[0] h[n]   | 3  3  6
    x[1] h[n-1] |    2  2  4
    x[2] h[n-2] |       1  1  2
    ------------+--------------
    (x * h)[n]  | 3  5  9  5  2
    >>> print(table.window(1))
    (x * h)[1] = x[0] h[1] + x[1] h[0] = 3·1 + 2·1 = 5
    >>> superpose("abc", "ijk").total.tolist()
    ['ai', 'aj+bi', 'ak+bj+ci', 'bk+cj', 'ck']
    """
    x, h = _named(labels)
    symbolic = _is_symbolic(signal)
    if symbolic != _is_symbolic(kernel):
        raise DTypeError(
            f"symbols meet symbols and numbers meet numbers; here {x if symbolic else h} has "
            f"symbols and {h if symbolic else x} has not. Pass names for both, or numbers for both."
        )
    read = _symbols if symbolic else as_numeric
    first, second = (
        _one_row(read(values, name), name) for values, name in ((signal, x), (kernel, h))
    )
    _check_size(len(first), len(second))
    if symbolic:
        rows, total = _symbolic_table(first, second)
    else:
        exact = "O" in (first.dtype.kind, second.dtype.kind)
        # The kernel as it came: a list does not widen a signal.
        total = convolve(first, kernel, method="exact" if exact else "direct")
        # 0 * inf is NaN here as in convolve, which does not warn either.
        with np.errstate(all="ignore"):
            products = np.multiply.outer(first.astype(total.dtype), second.astype(total.dtype))
        rows = _sheared(products, 0)
    return Superposition(first, second, rows, total, (x, h))


def _named(labels: Any) -> tuple[str, str]:
    if (
        isinstance(labels, tuple | list)
        and [isinstance(name, str) for name in labels] == [True] * 2
    ):
        return labels[0], labels[1]
    raise OptionError(f"labels are two names, such as ('x', 'h'); got {labels!r:.80}.")


def _one_row(values: Array, name: str) -> Array:
    if values.ndim != 1:
        raise ShapeError(
            f"superposition is written out for 1-D inputs; {name} has shape {values.shape}. "
            "Take one row of it, or x.ravel()."
        )
    return values


def _check_size(size: int, taps: int) -> None:
    length = full_length(size, taps)
    if size * length > _MOST_CELLS:
        raise BudgetError(
            f"the table holds at most 2**26 cells; {size} samples and {taps} taps make "
            f"{size} x {length}. Use convolve for the sum alone."
        )


def _sheared(products: Array, nothing: Any) -> Array:
    """Row m of the products moved to the right by m."""
    size, taps = products.shape
    rows = np.full((size, full_length(size, taps)), nothing, products.dtype)
    for m in range(size if taps else 0):
        rows[m, m : m + taps] = products[m]
    return rows


def _is_symbolic(values: Any) -> bool:
    if isinstance(values, str):
        return True
    if isinstance(values, np.ndarray):
        return bool(values.dtype.kind == "U")
    return isinstance(values, list | tuple) and any(isinstance(item, str) for item in values)


def _symbols(values: Any, name: str) -> Array:
    """Symbols as an array of text; each must read as one factor of a product."""
    if isinstance(values, np.ndarray) and values.ndim != 1:
        return values
    for symbol in values:
        whole = isinstance(symbol, str) and symbol[:1].isalpha()
        if not whole or set(symbol) & set(" +-*/·"):
            raise DTypeError(
                f"a symbol begins with a letter and contains no space or operator; {name} has "
                f"{symbol!r:.80}. Name it, or pass numbers alone: [int(digit) for digit in '321']."
            )
    return np.array(list(values), str)


def _symbolic_table(first: Array, second: Array) -> tuple[Array, Array]:
    letters = all(len(symbol) == 1 for symbol in (*first, *second))
    space, plus = ("", "+") if letters else (" ", " + ")
    products = [[f"{a}{space}{b}" for b in second] for a in first]
    rows = _sheared(np.array(products, str).reshape(len(first), len(second)), "")
    return rows, np.array([plus.join(filter(None, column)) for column in rows.T], str)
