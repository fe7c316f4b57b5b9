"""Random variables on a lattice: their sums are convolutions, accurate in the farthest tails."""

from sigconv.probability.dice import dice, parse_dice
from sigconv.probability.mixing import maximum, minimum, mixture
from sigconv.probability.pmf import PMF

__all__ = ["PMF", "dice", "maximum", "minimum", "mixture", "parse_dice"]
