"""`sigconv interest`: what becomes of deposits."""

import json

import numpy_financial
import pytest

from tests.cli.helpers import run

pytestmark = pytest.mark.extras


def balances(capsys, *arguments):
    """Return the balances of each year."""
    code, out, err = run(capsys, "interest", "--json", *arguments)
    assert (code, err) == (0, "")
    return [row["balance"] for row in json.loads(out)["years"]]


def test_100_for_five_years(capsys):
    code, out, err = run(capsys, "interest", "100", "--rate", "5%", "--years", "5")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "after 5 years: 127.62815625, of which interest 27.62815625"
    assert out.splitlines()[5].split() == ["5", "100.00", "27.63", "127.63"]


@pytest.mark.parametrize("when", ["start", "end"])
@pytest.mark.parametrize(("every", "parts"), [("year", 1), ("month", 12), ("week", 52)])
def test_deposits_of_each_period(capsys, every, parts, when):
    (*_, last) = balances(
        capsys, "100", "--rate", "6%", "--years", "3", "--every", every, "--when", when,
        "--compounding", every,
    )  # fmt: skip
    kind = "begin" if when == "start" else "end"
    assert last == pytest.approx(numpy_financial.fv(0.06 / parts, 3 * parts, -100, 0, when=kind))


def test_interest_may_be_added_more_or_less_often_than_deposits(capsys):
    often = balances(capsys, "100", "--rate", "0.06", "--years", "1", "--compounding", "month")
    assert often[0] == pytest.approx(100 * 1.005**12)
    always = balances(capsys, "100", "--rate", "6%", "--years", "2", "--compounding", "continuous")
    assert always[1] == pytest.approx(112.749685157937)
    monthly = balances(capsys, "1", "--rate", "6%", "--years", "1", "--every", "month")
    assert monthly[0] == pytest.approx(sum(1.06 ** (k / 12) for k in range(1, 13)))


def test_a_year_ends_before_the_next_deposit(capsys):
    _, out, _ = run(capsys, "interest", "100", "--rate", "5%", "--years", "2", "--every", "year")
    assert [line.split() for line in out.splitlines()[1:3]] == [
        ["1", "100.00", "5.00", "105.00"],
        ["2", "200.00", "15.25", "215.25"],
    ]


def test_withdrawals_are_negative(capsys):
    assert balances(capsys, "--rate", "10%", "--years", "1", "--", "-100") == [-110]


def test_no_time_is_no_interest(capsys):
    assert balances(capsys, "100", "--rate", "5%", "--years", "0") == [100]
    late = ("--every", "year", "--when", "end")
    assert balances(capsys, "100", "--rate", "5%", "--years", "0", *late) == [0]


def test_every_digit_of_an_amount_counts(capsys):
    amount = "12345678901234567890123456789.12"
    code, out, _ = run(capsys, "interest", amount, "--rate", "0", "--years", "1")
    assert code == 0
    assert f"after 1 year: {amount}, of which interest 0" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ten", "--rate", "5%", "--years", "1"), "'ten' is no number"),
        (("10", "--rate", "nan", "--years", "1"), "'nan' is no number"),
        (("10", "--rate", "4", "--years", "1"), "Write 4% or 400%"),
        (("10", "--rate", "-200%", "--years", "1"), "at least -1"),
        (("10", "--rate", "5%", "--years", "9999", "--every", "day"), "less often"),
        (("10", "--rate", "5%", "--years", "-1"), "--years"),
        (("10", "--rate", "5%", "--years", "1", "--when", "end"), "belongs to --every"),
        (("1e999999", "--rate", "900%", "--years", "2"), "no number up to"),
        (("1", "--rate", "1e999999", "--years", "1"), "no number up to"),
        (("1e299", "--rate", "900%", "--years", "2"), "more than can be told"),
        (("1e300", "--rate", "-100%", "--years", "2", "--json"), "more than can be told"),
        (("1", "--rate", "1e9%", "--years", "1", "--compounding", "continuous"), "beyond all"),
    ],
)
def test_what_makes_no_account(capsys, arguments, says):
    code, out, err = run(capsys, "interest", *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("sigconv: ")
    assert err.count("\n") == 1
