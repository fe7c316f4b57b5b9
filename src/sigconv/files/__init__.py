"""Files: what they hold, and how they are convolved without being trusted or damaged.

Audio goes through in constant memory; ``.npy`` files are memory-mapped; the header and the affine
of NIfTI volumes are kept. Headers are checked against the size of their file, and every output
is either whole or not there.
"""

from __future__ import annotations

from sigconv.errors import TargetError
from sigconv.files.atomic import check_target, replacing
from sigconv.files.convolve import convolve_file, plan_file, plan_shape, preview_file
from sigconv.files.delay import DelayRecord, delay_of_files
from sigconv.files.description import Description
from sigconv.files.formats import FORMATS, describe, load
from sigconv.files.kernel import load_kernel
from sigconv.files.kernel_file import save_kernel
from sigconv.files.pipes import Pipe
from sigconv.files.record import Preview, Record
from sigconv.files.settings import Settings, Sides

__all__ = [
    "FORMATS",
    "DelayRecord",
    "Description",
    "Pipe",
    "Preview",
    "Record",
    "Settings",
    "Sides",
    "TargetError",
    "check_target",
    "convolve_file",
    "delay_of_files",
    "describe",
    "load",
    "load_kernel",
    "plan_file",
    "plan_shape",
    "preview_file",
    "replacing",
    "save_kernel",
]
