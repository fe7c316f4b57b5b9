"""The infinite extension of a signal, walked sample by sample."""

import pytest

OUTSIDE = None


def walk(rule: str, size: int, position: int) -> int | None:
    """Return the sample that `position` of the extended signal repeats, None for no sample."""
    if 0 <= position < size:
        return position
    if rule in ("zero", "absent", "constant"):
        return OUTSIDE
    step = 1 if position > 0 else -1
    sample = 0
    for _ in range(abs(position)):
        if 0 <= sample + step < size:
            sample += step
        elif rule == "wrap":
            sample = 0 if step > 0 else size - 1
        elif rule == "symmetric":
            step = -step
        elif rule == "reflect" and size > 1:
            step = -step
            sample += step
    return sample


@pytest.fixture(scope="session")
def source_index():
    """Give the tests `walk`: a walker who turns round, wraps or stops at each edge."""
    return walk
