"""The peers' own signatures on sigconv's engines: one changed import line ports a program.

``from sigconv.compat import ndimage, signal`` takes the place of ``from scipy import ndimage,
signal``. Convolutions and correlations are computed here; every other name of the two modules is
SciPy's own.
"""

from __future__ import annotations

from sigconv.compat import ndimage, signal

__all__ = ["ndimage", "signal"]
