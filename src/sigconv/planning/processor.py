"""Which processor this is: for people, and to tell one from another."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path
from zlib import crc32

__all__ = ["identity", "name"]

_TOLD = ("model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part")


@cache
def identity() -> str:
    """Return all that the system tells about the first processor and its instructions."""
    facts = _facts()
    told = [f"{fact} {facts[fact]}" for fact in _TOLD if fact in facts]
    instructions = facts.get("flags") or facts.get("Features")
    if instructions:
        told.append(f"instructions {crc32(instructions.encode()):08x}")
    return ", ".join(told) or f"{platform.processor()} {platform.machine()}".strip()


def name() -> str:
    """Return what the processor is called, and how many there are."""
    facts = _facts()
    called = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts and "model" in facts:
        # Virtual machines often hide the name and tell the family and the model.
        called += f" (family {facts['cpu family']}, model {facts['model']})"
    return f"{called}, {os.cpu_count()} processors"


def _facts() -> dict[str, str]:
    facts: dict[str, str] = {}
    if sys.platform != "linux":
        return facts
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fact, colon, value = line.partition(":")
                if not colon:
                    # The next processor follows.
                    break
                facts[fact.strip()] = value.strip()
    except OSError:
        return {}
    return facts
