"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import click

from sigconv.cli.values import AXES, BOUNDARY, CENTER, GAIN, MEMORY, RATE, SPACING
from sigconv.core.arguments import NAN_POLICIES
from sigconv.core.boundary import ALIASES, RULES
from sigconv.core.shapes import MODES
from sigconv.planning import METHODS

__all__ = ["METHODS", "Options", "debug_option", "file_options", "plan_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

DTYPES = ("float32", "float64", "complex64", "complex128", "int64")


@dataclass(frozen=True, slots=True)
class Options:
    """How to convolve, as given on the command line: those of `Settings` that were given."""

    given: dict[str, Any]

    def settings(self, **others: Any) -> Any:
        """Return them as `sigconv.files.Settings`."""
        from sigconv.files import Settings

        return Settings(**self.given, **others)


def debug_option(command: Command) -> Command:
    """Add ``--debug``, which is kept in the context for whoever reports an error."""
    option = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_keep_debug,
        help="Show the traceback of an error.",
    )
    return option(command)


def _keep_debug(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.find_root().meta["debug"] = True


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that a plan depends on, which arrive as one `Options`."""
    return _gathering(command, _PLAN)


def file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all options of one convolution from file to file, which arrive as one `Options`."""
    return _gathering(command, (*_PLAN, *_FILE))


def _gathering(command: Callable[..., None], settings: tuple[_Setting, ...]) -> Callable[..., None]:
    names = {setting.name for setting in settings}

    def gathered(**values: Any) -> None:
        given = {k: v for k, v in values.items() if k in names and v is not None}
        others = {k: v for k, v in values.items() if k not in names}
        command(options=Options(given), **others)

    # The name, the help and the options that click has gathered on the command so far.
    vars(gathered).update(vars(command))
    gathered.__doc__ = command.__doc__
    gathered.__name__ = command.__name__
    for setting in reversed(settings):
        setting.option(gathered)
    return gathered


class _Setting(NamedTuple):
    """A field of `Settings`, and its option."""

    name: str
    option: Callable[..., Any]


def _setting(name: str, flag: str, **keywords: Any) -> _Setting:
    """Return the option for a field of `Settings`; it is None where it was not given."""
    return _Setting(name, click.option(flag, name, **{"default": None} | keywords))


_PLAN = (
    _setting(
        "mode",
        "--mode",
        type=click.Choice(MODES),
        help="Size of the output.  [default: full for audio, same for everything else]",
    ),
    _setting(
        "center",
        "--center",
        type=CENTER,
        metavar="C",
        help="The tap that lies on the output sample in mode same, as 0 or 1x2; 0 is causal.  "
        "[default: the middle one]",
    ),
    _setting(
        "axes",
        "--axes",
        type=AXES,
        metavar="A,...",
        help="The axes to convolve, counted from 0.  [default: time, space, or all]",
    ),
    _setting(
        "boundary",
        "--boundary",
        type=BOUNDARY,
        metavar="RULE[,RULE]",
        help=f"How the input continues beyond its edges: {', '.join(RULES)}, or as in ndimage "
        f"{', '.join(ALIASES)}. Two: before and after.  [default: zero]",
    ),
    _setting(
        "fill_value",
        "--fill-value",
        type=float,
        metavar="V",
        help="The samples beyond the edges, for --boundary constant.  [default: 0]",
    ),
    _setting(
        "nan_policy",
        "--nan-policy",
        type=click.Choice(NAN_POLICIES),
        help="What NaN does: spread as in the plain sum, be left out, or be refused.  "
        "[default: propagate]",
    ),
    _setting(
        "method",
        "--method",
        type=click.Choice(METHODS),
        help="The engine; it changes the speed, not the result.  [default: auto]",
    ),
    _setting(
        "dtype",
        "--dtype",
        type=click.Choice(DTYPES),
        help="Compute in this type and write it; audio keeps the input's sample format, in PCM "
        "for instance.  [default: the input's precision; float32 for integers]",
    ),
    _setting(
        "rate",
        "--rate",
        type=RATE,
        metavar="RATE",
        help="Samples per second of an input that does not tell, as 48kHz.",
    ),
    _setting(
        "spacing",
        "--spacing",
        type=SPACING,
        metavar="STEP",
        help="Distance of samples on each convolved axis, as 3x1x1mm.  [default: the input's]",
    ),
)

_FILE = (
    _setting(
        "gain_db",
        "--gain",
        type=GAIN,
        metavar="G",
        help="Amplify the result, as -6dB.",
    ),
    _setting(
        "normalize",
        "--normalize",
        type=click.Choice(("none", "peak", "energy")),
        help="Scale the kernel, before --gain: its largest magnitude, or the sum of its squares, "
        "to 1.  [default: none]",
    ),
    _setting(
        "resample",
        "--resample",
        is_flag=True,
        default=False,
        help="Convert a kernel of another sample rate to the input's.",
    ),
    _setting(
        "subtype",
        "--subtype",
        metavar="TYPE",
        help="How audio samples are stored, as PCM_24 or FLOAT.  [default: as the input's]",
    ),
    _setting(
        "raw",
        "--raw",
        metavar="FORMAT",
        help="Pipes carry samples without a header, as f32le, s16le, s24be or mulaw; stdin needs "
        "--rate and --channels too.",
    ),
    _setting(
        "channels",
        "--channels",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="The channels of --raw samples from stdin.",
    ),
    _setting(
        "dither",
        "--dither",
        is_flag=True,
        default=False,
        help="Add triangular noise of one step before samples are rounded to integers.",
    ),
    _setting(
        "missing_chunks",
        "--missing-chunks",
        type=click.Choice(("refuse", "fill")),
        help="Chunks of Zarr and HDF5 that are not stored: refuse them, or read the fill value.  "
        "[default: refuse]",
    ),
    _setting(
        "max_memory",
        "--max-memory",
        type=MEMORY,
        metavar="SIZE",
        help="Refuse work that needs more, as 1GiB or 500MB; audio goes in smaller pieces.",
    ),
    _setting(
        "workers",
        "--workers",
        type=click.IntRange(min=-1),
        metavar="N",
        help="Threads at most; -1 for all processors.  [default: those this process may use]",
    ),
)
