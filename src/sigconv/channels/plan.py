"""Why an engine is taken: what each would take, or why it does not serve."""

from __future__ import annotations

from typing import NamedTuple

from sigconv.channels.compute import chosen
from sigconv.channels.engines import PRODUCTS, SUMS, load_seconds
from sigconv.channels.problem import ChannelProblem
from sigconv.planning import current_machine

__all__ = ["ChannelPlan", "plan_of"]


class ChannelPlan(NamedTuple):
    """What was planned for sums over channels; ``print`` shows a table.

    Attributes
    ----------
    method : str
        The engine that is taken.
    seconds : dict of str to float
        What each engine that serves is predicted to take, on one thread, once it is loaded.
    refusals : dict of str to str
        Why each of the others does not serve.
    loading : dict of str to float
        Seconds to load the loops that are not loaded yet: others are taken for short work until
        they are, behind the scenes.
    products : int
        Multiply-adds by the definition.
    """

    method: str
    seconds: dict[str, float]
    refusals: dict[str, str]
    loading: dict[str, float]
    products: int

    def __str__(self) -> str:
        lines = [f"{self.products:,} products".replace(",", " ")]
        for name in (*sorted(self.seconds, key=self.seconds.__getitem__), *self.refusals):
            mark = "->" if name == self.method else "  "
            told = self.refusals.get(name) or f"{self.seconds[name] * 1e3:.3g} ms"
            later = f", once loaded in {self.loading[name]:.2g} s" if name in self.loading else ""
            lines.append(f"{mark} {name:<7} {told}{later}")
        return "\n".join(lines)


def plan_of(problem: ChannelProblem, *, of_weights: bool = False) -> ChannelPlan:
    """Return what is taken for the result, or for the gradient of the weights."""
    machine, engines = current_machine(), PRODUCTS if of_weights else SUMS
    refusals = {engine.name: engine.refusal(problem) for engine in engines}
    seconds = {e.name: e.seconds(problem, machine) for e in engines if not refusals[e.name]}
    told = {name: why for name, why in refusals.items() if why}
    loading = {e.name: load_seconds(e, problem, machine) for e in engines if e.name in seconds}
    waits = {name: price for name, price in loading.items() if price}
    return ChannelPlan(chosen(problem, engines).name, seconds, told, waits, problem.products)
