"""The instructions that sum up products of rows of results with rows of samples.

For a few rows of results and a few taps, the sum of each pair stays in a vector register over all
rows and columns of outputs; a load serves as many products as there are partners.

numba keeps what it compiled while `products.py` stays as it is: after a change here, touch that
file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types as untyped_types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic

from sigconv.loops.instructions import VECTOR, Emitter

types: Any = untyped_types
cgutils: Any = untyped_cgutils

__all__ = ["ALONE_TAPS", "FEW", "TAPS", "pair_products"]

_I64 = ir.IntType(64)

# All sums, the rows that they share and a vector of samples fill the registers: 32 with AVX-512, 16
# without.
FEW, TAPS = (4, 6) if VECTOR == 64 else (3, 4)
"""The rows of results and the taps whose products are summed up together."""

ALONE_TAPS = 9
"""The taps that are summed up together for a row that is alone: of kernels 3, 5 and 7 wide, nearly
whole numbers of them."""


def pair_products(rows: int, taps: int) -> Any:
    """Return a function that writes sum_q g_r[q] x_t[q] for each pair of a row and a tap.

    It takes a pointer to rows x taps sums; the address of the first row of results, and the bytes
    from one to the next; the address of the addresses of what the taps meet; and the form: how many
    lines of outputs there are, how many outputs in each, and the bytes from a line of results, and
    of samples, to the next.
    """

    @intrinsic
    def run(typing_context: Any, target: Any, first: Any, apart: Any, met: Any, form: Any) -> Any:
        del typing_context, first, apart, met, form
        element = target.dtype

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            del signature
            place, results, between, table, form = arguments
            made = Emitter(builder, element, rows, taps, None)
            builder.function.attributes.add("noinline")
            addresses = builder.inttoptr(table, _I64.as_pointer())
            samples = [builder.load(builder.gep(addresses, [_I64(t)])) for t in range(taps)]
            lines, count, down, along = (builder.extract_value(form, i) for i in range(4))
            own = [results]
            for _ in range(rows - 1):
                own.append(builder.add(own[-1], between))
            places = [made.variable(address) for address in (*own, *samples)]
            steps = [down] * rows + [along] * taps
            bytes_ = builder.mul(count, _I64(made.size))
            whole = builder.and_(bytes_, _I64(-VECTOR))
            rest = builder.sub(count, builder.udiv(whole, _I64(made.size)))
            with cgutils.for_range(builder, lines):
                begins = [builder.load(p) for p in places]
                with cgutils.for_range(builder, builder.udiv(whole, _I64(VECTOR))) as loop:
                    moved = builder.mul(loop.index, _I64(VECTOR))
                    _add_pairs(made, [builder.add(b, moved) for b in begins], rows)
                with builder.if_then(builder.icmp_signed(">", rest, _I64(0))):
                    made.masks = made.masks_of(rest)
                    _add_pairs(made, [builder.add(b, whole) for b in begins], rows)
                    made.masks = []
                for p, begin, step in zip(places, begins, steps, strict=True):
                    builder.store(builder.add(begin, step), p)
            for r in range(rows):
                for t in range(taps):
                    total = _total(made, made.result(r, t))
                    builder.store(total, builder.gep(place, [_I64(r * taps + t)]))
            return context.get_dummy_value()

        whole_ = types.int64
        form_ = types.UniTuple(whole_, 4)
        pointer = types.CPointer(element)
        return types.void(pointer, whole_, whole_, whole_, form_), generate

    return run


def _add_pairs(made: Emitter, addresses: list[Any], rows: int) -> None:
    """Add the products of a vector of each row with a vector of each tap."""
    results = [made.load(address, 0) for address in addresses[:rows]]
    for t, address in enumerate(addresses[rows:]):
        samples = made.load(address, 0)
        for r in range(rows):
            place = made.sums[r][0][t]
            total = made.multiply_add(results[r], samples, made.builder.load(place))
            made.builder.store(total, place)


def _total(made: Emitter, vector: Any) -> Any:
    """Return the sum of a vector's elements."""
    name = f"llvm.vector.reduce.fadd.v{made.width}f{made.size * 8}"
    function = cgutils.get_or_insert_function(
        made.builder.module, ir.FunctionType(made.type, [made.type, made.vector]), name
    )
    zero = ir.Constant(made.type, 0.0)
    # "reassoc": halves are added to one another, not one element after the other.
    return made.builder.call(function, [zero, vector], fastmath=("reassoc",))
