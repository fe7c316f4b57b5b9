"""Print a table of sigconv beside its peers: ``python -m benchmarks [rounds]``."""

from __future__ import annotations

import sys

from scipy import fft

from benchmarks.cases import cases
from benchmarks.files import file_rows
from benchmarks.timing import machine, ratios

WORKERS = 2


def main(rounds: int) -> None:
    """Time every row with as many workers on both sides."""
    print(machine())
    print(f"{WORKERS} workers on both sides, {rounds} rounds; time of the peer / time of sigconv")
    print("| signal and kernel | peer | median | least to most |")
    print("|---|---|---|---|")
    with fft.set_workers(WORKERS):
        for case in cases():
            for row in ratios(case, rounds):
                spread = f"{row.low:.2g} to {row.high:.2g}"
                print(f"| {case.title} | `{row.peer}` | {row.median:.2g} | {spread} |", flush=True)
    print("", *file_rows(min(rounds, 5)), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
