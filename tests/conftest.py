"""Hypothesis profiles: `dev` by default, `ci` where CI is set, `deep` for a long search."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from sigconv.engines import compiled

# A shell starts jobs in the background with Ctrl-C ignored, and their children ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Plans are those of the shipped machine, in processes that tests start too.
os.environ["SIGCONV_CALIBRATION"] = "off"

# Deadlines and the speed of drawing depend on how busy the machine is, not on the code.
_STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", _STEADY, max_examples=50)
settings.register_profile("ci", _STEADY, max_examples=60, derandomize=True, print_blob=True)
settings.register_profile("deep", _STEADY, max_examples=2000)

_IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if _IN_CI else "dev"))


@pytest.fixture(autouse=True, scope="session")
def _plans_keep_their_loops():
    """Nothing is loaded behind the scenes: equal calls of a test have equal plans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "lose", lambda *what: None)
        yield
