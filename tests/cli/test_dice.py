"""The command for dice: probabilities as fractions, percents and bars."""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction

import pytest

from sigconv.probability import parse_dice
from tests.cli.helpers import run

pytestmark = pytest.mark.extras

BAR = re.compile(r" *(\S+) ([█░]*) *(\S+) %")


def bars(out: str) -> dict[str, tuple[str, float]]:
    """The label, the bar and the percent of every line that has one."""
    found = [BAR.fullmatch(line) for line in out.splitlines()]
    return {m[1]: (m[2], float(m[3])) for m in found if m}


def test_probability_is_a_fraction_and_percents(capsys):
    code, out, err = run(capsys, "dice", "4d6", "--at-least", "18")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "dice        4d6: 4 to 24, mean 14, standard deviation 3.416"
    assert lines[1] == "P(X >= 18)  103/648 = 15.9 %"
    assert len(lines) == 2 + 21


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (["--at-least", "11"], "P(X >= 11)  1/12 = 8.333 %"),
        (["--at-most", "3"], "P(X <= 3)  1/12 = 8.333 %"),
        (["--exactly", "4"], "P(X = 4)  1/12 = 8.333 %"),
        (["--at-least", "6", "--at-most", "8"], "P(6 <= X <= 8)  4/9 = 44.44 %"),
        (["--at-least", "13"], "P(X >= 13)  0 = 0 %"),
        (["--at-most", "99"], "P(X <= 99)  1 = 100 %"),
        (["--at-least", "-5"], "P(X >= -5)  1 = 100 %"),
    ],
)
def test_questions_about_two_dice(capsys, question, said):
    code, out, _ = run(capsys, "dice", "2d6", *question)
    assert code == 0
    assert out.splitlines()[1] == said


def test_bars_that_answer_are_filled(capsys):
    drawn = bars(run(capsys, "dice", "2d6", "--at-least", "9", "--at-most", "10")[1])
    assert list(drawn) == [str(k) for k in range(2, 13)]
    assert {label for label, (bar, _) in drawn.items() if "█" in bar} == {"9", "10"}
    lengths = [len(bar) for bar, _ in drawn.values()]
    assert max(lengths) == lengths[5] == pytest.approx(6 * lengths[0], abs=3)
    assert drawn["7"][1] == 16.7
    everything = bars(run(capsys, "dice", "2d6")[1])
    assert all(set(bar) == {"█"} for bar, _ in everything.values())


@pytest.mark.parametrize("columns", [40, 60, 100, 300])
def test_bars_fit_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = run(capsys, "dice", "3d6")[1]
    assert max(map(len, out.splitlines()[1:])) == min(columns, 100)


@pytest.mark.parametrize("notation", ["50d6", "100d100", "1000d1000", "5000d6+d1000000"])
def test_many_values_share_bars(capsys, notation):
    code, out, _ = run(capsys, "dice", notation, "--at-least", "190")
    drawn = bars(out)
    assert code == 0
    assert 10 <= len(drawn) <= 41
    assert sum(percent for _, percent in drawn.values()) == pytest.approx(100, abs=1)


def test_bar_that_answers_in_part_is_filled_in_part(capsys):
    drawn = bars(run(capsys, "dice", "50d6", "--at-least", "178")[1])
    bar = drawn["175..179"][0]
    assert re.fullmatch("█+░+", bar)
    X = parse_dice("50d6")
    assert bar.count("█") / len(bar) == pytest.approx(X.between(178, 179) / X.between(175, 179),
                                                      abs=0.02)  # fmt: skip


def test_probabilities_below_float64_are_shown(capsys):
    out = run(capsys, "dice", "1000d1000", "--at-most", "1000")[1]
    assert out.splitlines()[1] == "P(X <= 1000)  1e-2998 %"
    out = run(capsys, "dice", "20d6", "--at-least", "30")[1]
    found = re.search(r"= 100 % - (\S+) %", out)
    assert found is not None
    rest = parse_dice("20d6", exact=True).cdf(29)
    assert float(found[1]) == pytest.approx(100 * float(rest), rel=1e-3)


def test_long_fractions_are_shown_when_asked_for(capsys):
    arguments = ("dice", "60d6", "--exactly", "200")
    assert "/" not in run(capsys, *arguments)[1].splitlines()[1]
    line = run(capsys, *arguments, "--exact")[1].splitlines()[1]
    fraction = line.split("  ")[1].split(" = ")[0]
    assert Fraction(fraction) == parse_dice("60d6", exact=True).pmf(200)


def test_json_holds_every_probability(capsys):
    code, out, _ = run(capsys, "dice", "2d6-1", "--at-most", "3", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["mean"] == 6
    assert facts["question"] == "P(X <= 3)"
    assert facts["probability"] == pytest.approx(1 / 6)
    assert facts["fraction"] == "1/6"
    assert facts["values"] == list(range(1, 12))
    assert facts["fractions"][0] == "1/36"
    assert sum(facts["probabilities"]) == pytest.approx(1)
    deep = json.loads(run(capsys, "dice", "200d1000", "--at-least", "200000", "--json")[1])
    assert deep["probability"] == 0
    assert deep["log_probability"] == pytest.approx(-1381.5510557964275, rel=1e-13)
    never = json.loads(run(capsys, "dice", "d6", "--exactly", "7", "--json")[1])
    assert never["log_probability"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["4e6"], "2d6+1d8-3"),
        (["3d0"], "sides"),
        (["4d6", "--exactly", "3", "--at-most", "4"], "--exactly excludes"),
        (["4d6", "--at-least", "9", "--at-most", "4"], "Exchange"),
        (["4d6", "--at-least", "x"], "x"),
        ([], "DICE"),
    ],
)
def test_wrong_usage_is_one_line_and_2(capsys, arguments, said):
    code, out, err = run(capsys, "dice", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_too_many_dice_are_refused_in_one_line(capsys):
    code, out, err = run(capsys, "dice", "99999999d6")
    assert (code, out) == (1, "")
    assert "fewer copies" in err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_bars_are_in_characters_that_the_output_has(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "sigconv.cli", "dice", "2d6", "--at-least", "7"],
        capture_output=True, check=True, timeout=300,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    shown = done.stdout.decode(encoding)
    assert ("####" in shown) is (encoding == "ascii")
    assert ("████" in shown) is (encoding == "utf-8")
    assert "\x1b" not in shown


def test_a_question_beyond_the_bars_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "dice", "100d6", "--at-least", "590")
    assert code == 0
    assert out.splitlines()[-1] == "What is asked for lies beyond these bars, or is nothing."
    assert "beyond" not in run(capsys, "dice", "100d6", "--at-least", "360")[1]
