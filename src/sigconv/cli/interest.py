"""The command that tells what becomes of deposits: `interest`."""

from __future__ import annotations

import json
from decimal import Decimal, DecimalException, InvalidOperation, localcontext
from typing import Any, NamedTuple

import click

from sigconv.cli.group import sigconv
from sigconv.cli.options import debug_option
from sigconv.cli.values import Text
from sigconv.errors import OptionError

__all__ = ["interest_command"]

_PARTS = {"year": 1, "quarter": 4, "month": 12, "week": 52, "day": 365}

_MOST_DEPOSITS = 1_000_000

_DIGITS = 28

# Beyond, JSON has no numbers, and a table no room.
_MOST = Decimal("1e300")


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or abs(value) > _MOST:
        raise ValueError(f"{text!r} is no number up to 1e300. Write for example 100 or 99.95.")
    return value


def _rate(text: str) -> Decimal:
    """Return the interest on 1."""
    bare = text.strip()
    if bare.endswith("%"):
        return _number(bare[:-1].strip()) / 100
    rate = _number(bare)
    if rate >= 1:
        raise ValueError(
            f"{text!r} would be {rate * 100} % a year. Write {text}% or {rate * 100}%."
        )
    return rate


@sigconv.command("interest")
@click.argument("amount", metavar="AMOUNT", type=Text("amount", _number))
@click.option(
    "--rate",
    type=Text("rate", _rate),
    required=True,
    metavar="RATE",
    help="Interest a year, as 5% or 0.05.",
)
@click.option(
    "--years", type=click.IntRange(0, 10_000), required=True, metavar="N", help="How long."
)
@click.option(
    "--every",
    type=click.Choice(tuple(_PARTS)),
    help="Deposit AMOUNT in each of these periods; by default once, at the start.",
)
@click.option(
    "--when",
    type=click.Choice(("start", "end")),
    default="start",
    show_default=True,
    help="Whether deposits are made at the start or at the end of their periods.",
)
@click.option(
    "--compounding",
    type=click.Choice((*_PARTS, "continuous")),
    default="year",
    show_default=True,
    help="How often interest is added, a part of RATE each time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON.")
@debug_option
def interest_command(
    amount: Decimal,
    *,
    rate: Decimal,
    years: int,
    every: str | None,
    when: str,
    compounding: str,
    as_json: bool,
) -> None:
    """Show what AMOUNT, paid in once or again and again, has become by the end of each year.

    A withdrawal is negative: sigconv interest --rate 5% --years 3 -- -100
    """
    from sigconv.lti import compound_interest, rate_per_part

    parts = _PARTS[every or "year"]
    count = years * parts
    if count > _MOST_DEPOSITS:
        raise OptionError(
            f"{years} years have {count} periods of a {every}, more than {_MOST_DEPOSITS}. "
            "Deposit less often, or for a shorter time."
        )
    if when == "end" and every is None:
        raise OptionError("--when end belongs to --every: a single deposit is made at the start.")
    times: Any = "continuous" if compounding == "continuous" else _PARTS[compounding]
    deposits = [amount] * (max(1, count) if every else 1)
    # Every digit of what is typed counts.
    with localcontext(prec=_DIGITS + len(amount.as_tuple().digits)):
        try:
            part = rate_per_part(rate, parts, compounding=times)
            balances = compound_interest(deposits, part, periods=count, when=when)
            rows = []
            for n in range(min(1, years), years + 1):
                # The next year's first deposit is not part of this one.
                due = amount if when == "start" and 0 < n * parts < len(deposits) else 0
                paid = amount * min(len(deposits), max(n * parts, int(when == "start")))
                balance = balances[n * parts] - due
                rows.append(Year(n, paid, balance - paid, balance))
        except DecimalException:
            rows = []
    if not rows or max(abs(value) for row in rows for value in row[1:]) >= _MOST:
        raise OptionError(
            f"{amount} at {rate} for {years} years becomes more than can be told. Lower one."
        )
    if as_json:
        facts = {"amount": float(amount), "rate": float(rate), "every": every, "when": when}
        table = [{name: float(value) for name, value in row._asdict().items()} for row in rows]
        click.echo(json.dumps(facts | {"compounding": compounding, "years": table}))
        return
    click.echo(_table(rows))
    time = "1 year" if years == 1 else f"{years} years"
    end = rows[-1]
    click.echo(f"after {time}: {_plain(end.balance)}, of which interest {_plain(end.interest)}")


class Year(NamedTuple):
    """The account at the end of a year."""

    year: int
    paid: Decimal
    interest: Decimal
    balance: Decimal


def _table(rows: list[Year]) -> str:
    """Return a line for each year, in cents."""
    texts: list[tuple[str, ...]] = [("year", "paid in", "interest", "balance")]
    texts += [(str(row.year), *(f"{value:,.2f}" for value in row[1:])) for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in texts
    )


def _plain(value: Decimal) -> str:
    """Return a number with as many digits as it has, twelve at most."""
    text = f"{value:.12f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
