"""``sigconv dice``: how likely sums of dice are."""

from __future__ import annotations

import json
from math import exp, floor, inf, log, log10
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sigconv.cli.bars import Bar, draw_bars, fits_terminal
from sigconv.cli.group import sigconv
from sigconv.cli.options import debug_option

if TYPE_CHECKING:
    from sigconv.probability import PMF

__all__ = ["dice_command"]

# Bits of all numerators together that take a fraction of a second.
_AFFORDABLE = 2e6

# Digits of fractions that are shown without being asked for.
_SHORT = 40

# Bars at most; more values are drawn together.
_BARS = 40

# What is not drawn on either side where values are drawn together.
_TAIL = 1e-4


class _Question(NamedTuple):
    """Values from `low` to `high`, and how to say that."""

    low: float
    high: float
    text: str


@sigconv.command("dice")
@click.argument("notation", metavar="DICE")
@click.option("--at-least", type=int, metavar="N", help="The probability of N or more.")
@click.option("--at-most", type=int, metavar="N", help="The probability of N or less.")
@click.option("--exactly", type=int, metavar="N", help="The probability of N.")
@click.option("--exact", is_flag=True, help="Compute with fractions, however long.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON, every probability too.")
@debug_option
def dice_command(
    notation: str,
    *,
    at_least: int | None,
    at_most: int | None,
    exactly: int | None,
    exact: bool,
    as_json: bool,
) -> None:
    """Show how likely the sums of DICE are, such as 4d6 or 2d6+1d8-3.

    NdS is N fair dice with faces 1 to S. With both --at-least and --at-most, what is asked for lies
    between them. A minus at the beginning follows two more: sigconv dice -- -2d6
    """
    question = _question(at_least, at_most, exactly)
    total = _parsed(notation, exact)
    if as_json:
        click.echo(json.dumps(_facts(notation, total, question)))
        return
    for line in _lines(notation, total, question, exact):
        click.echo(line)


def _question(at_least: int | None, at_most: int | None, exactly: int | None) -> _Question | None:
    if exactly is not None:
        if at_least is not None or at_most is not None:
            raise click.UsageError("--exactly excludes --at-least and --at-most.")
        return _Question(exactly, exactly, f"P(X = {exactly})")
    if at_least is not None and at_most is not None:
        if at_least > at_most:
            raise click.UsageError(
                f"--at-least {at_least} is more than --at-most {at_most}. Exchange them."
            )
        return _Question(at_least, at_most, f"P({at_least} <= X <= {at_most})")
    if at_least is not None:
        return _Question(at_least, inf, f"P(X >= {at_least})")
    return None if at_most is None else _Question(-inf, at_most, f"P(X <= {at_most})")


def _parsed(notation: str, exact: bool) -> PMF:
    """Return the sum of dice, with fractions where they are wanted or cost little."""
    from sigconv.probability import parse_dice

    if exact:
        return parse_dice(notation, exact=True)
    total = parse_dice(notation)
    # The least sum comes about in one way.
    bits = -total.logpmf(total.offset) / log(2)
    affordable = bits * total.probabilities.size <= _AFFORDABLE
    return parse_dice(notation, exact=True) if affordable else total


def _facts(notation: str, total: PMF, question: _Question | None) -> dict[str, Any]:
    """Return all in numbers and strings that JSON knows."""
    facts = {
        "dice": notation,
        "mean": float(total.mean),
        "standard_deviation": total.std,
        "exact": total.is_exact,
    }
    if question is not None:
        p = total.between(question.low, question.high)
        likely = total.logbetween(question.low, question.high)
        facts |= {
            "question": question.text,
            "probability": float(p),
            "log_probability": likely if likely > -inf else None,
            "fraction": str(p) if total.is_exact else None,
        }
    probabilities = total.probabilities
    return facts | {
        "values": total.values.tolist(),
        "probabilities": [float(p) for p in probabilities],
        "fractions": [str(p) for p in probabilities] if total.is_exact else None,
    }


def _lines(notation: str, total: PMF, question: _Question | None, exact: bool) -> list[str]:
    first, last = total.values[[0, -1]]
    about = f"{notation}: {first} to {last}, mean {_rounded(total.mean)}"
    asked = "" if question is None else question.text
    margin = max(len(asked), 4)
    lines = [f"{'dice':<{margin}}  {about}, standard deviation {total.std:.4g}"]
    if question is not None:
        lines.append(f"{asked:<{margin}}  {_answer(total, question, exact)}")
    bars = _bars(total, question)
    lines += draw_bars(bars, fits_terminal())
    if question is not None and not any(bar.marked for bar in bars):
        lines.append("What is asked for lies beyond these bars, or is nothing.")
    return lines


def _rounded(mean: Any) -> str:
    return f"{float(mean):.10g}"


def _answer(total: PMF, question: _Question, exact: bool) -> str:
    low, high = question.low, question.high
    p = total.between(low, high)
    rest = float(total.between(-inf, low - 1)) + float(total.between(high + 1, inf))
    percent = _percent(float(p), total.logbetween(low, high), rest)
    fraction = str(p)
    if not total.is_exact or (len(fraction) > _SHORT and not exact):
        return percent
    return f"{fraction} = {percent}"


def _percent(p: float, likely: float, rest: float) -> str:
    if 0 < rest < 5e-5:
        return f"100 % - {100 * rest:.4g} %"
    if p > 1e-290 or likely == -inf:
        return f"{100 * p:.4g} %"
    # Smaller than any float64; 9.9996 is 10 in four digits.
    digits = 2 + likely / log(10)
    whole = floor(digits + 2e-5)
    return f"{exp((digits - whole) * log(10)):.4g}e{whole} %"


def _bars(total: PMF, question: _Question | None) -> list[Bar]:
    """Return a bar for each value, or for as many neighbours as leave some forty bars."""
    first, last = (int(value) for value in total.values[[0, -1]])
    low, high, width = first, last, 1
    if last - first >= _BARS:
        low, high = int(total.ppf(_TAIL)), int(total.ppf(1 - _TAIL))
        width = _round_width((high - low) / _BARS)
        low -= low % width
    bars = []
    for start in range(low, high + 1, width):
        least, most = max(start, first), min(start + width - 1, last)
        height = asked = float(total.between(least, most))
        if question is not None:
            asked = float(total.between(max(least, question.low), min(most, question.high)))
        label = f"{least}" if least == most else f"{least}..{most}"
        bars.append(Bar(label, height, asked, f"{100 * height:.3g} %"))
    return bars


def _round_width(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, ... that is not below `least`."""
    decade = int(10.0 ** floor(log10(max(least, 1.0))))
    return next(step * decade for step in (1, 2, 5, 10, 20) if step * decade >= least)
