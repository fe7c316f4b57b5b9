"""Draw the responses to four samples, shifted and weighted, and their sum.

``python docs/draw_superposition.py`` writes docs/images/superposition.png.
"""

from pathlib import Path

import numpy as np

from sigconv import lti
from sigconv.plots import draw_superposition


def main():
    """Save the picture of a short signal that meets a decaying response."""
    table = lti.superpose([1.0, 3.0, 2.0, 0.5], 0.7 ** np.arange(10))
    path = Path(__file__).parent / "images" / "superposition.png"
    draw_superposition(table).savefig(path, dpi=110)


if __name__ == "__main__":
    main()
