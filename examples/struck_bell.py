"""A bell that is struck again before it has fallen silent: responses pile up.

You learn that superposition is convolution (`lti.superpose`, `lti.System`), and that for ever
closer pulses the sum becomes an integral (`lti.continuous_convolve`). Needs `sigconv[plot]`.
"""

import argparse
from itertools import pairwise
from math import exp, inf
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sigconv import lti

FS, SECONDS = 200, 600  # samples a second, and how long the bell is struck
FADE = 60.0  # seconds until 1/e of a strike is left
SHOWN = 300  # seconds of the picture
HEARD = 580  # a second in which all of them strike


def struck(every):
    """Return a pulse every so many seconds, as strong as the time that it stands for."""
    pulses = np.zeros(SECONDS * FS)
    pulses[:: round(every * FS)] = every
    return pulses


def draw(path, bell):
    """Save single responses and their sum, and how the sums approach an integral."""
    time = np.arange(SHOWN * FS) / FS
    figure = Figure(figsize=(10, 6), layout="constrained")
    single, sums = figure.subplots(2, 1, sharex=True)
    for start in range(0, time.size, 40 * FS):
        one = 40 * bell.impulse_response(time.size - start)
        single.plot(time[start:], one, "C0", lw=0.8, label=None if start else "each strike")
    single.plot(time, bell(struck(40))[: time.size], color="black", label="their sum")
    single.set(ylabel="loudness", title="A strike every 40 s, before the last ones have died out")
    for every in (40, 20, 5):
        sums.step(time, bell(struck(every))[: time.size], where="post", label=f"every {every} s")
    sums.plot(time, FADE * (1 - np.exp(-time / FADE)), "k:", label="without a pause: the integral")
    sums.set(
        xlabel="time (s)", ylabel="loudness", title="The same strength a second, in more strikes"
    )
    single.legend()
    sums.legend()
    figure.savefig(path, dpi=110)


def main(output):
    """Strike the bell, check the sums against superposition and the integral, and draw them."""
    bell, always = lti.decay(time_constant=FADE, fs=FS), (0, inf)
    few = struck(0.5)[: 5 * FS]
    table = lti.superpose(few, bell.impulse_response(few.size))
    assert np.allclose(table.rows.sum(axis=0)[: few.size], bell(few))
    print(f"the sum of {np.count_nonzero(few)} shifted responses is the convolution")
    response = lti.exponential(time_constant=FADE)
    flow = lti.continuous_convolve(lambda _: 1.0, response, HEARD, supports=(always, always))
    assert abs(flow.value - FADE * (1 - exp(-HEARD / FADE))) <= max(flow.error, 1e-9)
    errors = []
    for every in (20, 10, 5, 2.5):
        heard = bell(struck(every))[HEARD * FS]
        errors.append(abs(heard - flow.value))
        print(f"struck every {every} s: {heard:.2f} at {HEARD} s, without a pause {flow.value:.2f}")
    assert all(later < 0.6 * before for before, later in pairwise(errors))
    output.mkdir(parents=True, exist_ok=True)
    draw(output / "bell.png", bell)
    print(f"wrote bell.png in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    main(parser.parse_args().output)
