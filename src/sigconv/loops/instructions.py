"""The instructions that sum up weighted lines of samples in the processor's vector registers.

LLVM turns a loop over outputs into vectors by itself, but adds up in memory: each tap then loads
and stores the sums. Here the sums of a few vectors of outputs stay in registers over all taps, and
several rows of outputs share the samples they load. The instructions are made from LLVM's own
vectors, and so for whichever processor this is.

numba keeps what it compiled while `vectors.py` stays as it is: after a change here, touch that
file.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types as untyped_types
from numba.core import cgutils as untyped_cgutils
from numba.extending import intrinsic

from sigconv.loops.sum_tables import SERVED

types: Any = untyped_types
cgutils: Any = untyped_cgutils

__all__ = ["MANY", "SINGLE", "VECTOR", "Emitter", "kernel"]

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _registers() -> tuple[int, int]:
    """Return the bytes of a vector, and how many are taken at a time for each of several rows."""
    features = get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 4
    return (32, 2) if features.get("avx") else (16, 4)


VECTOR, MANY = _registers()

SINGLE = 8
"""Vectors that a row takes at a time which shares its samples with no other."""


class Emitter:
    """The instructions that add up products in `rows` rows of `many` vectors each."""

    def __init__(self, builder: Any, element: Any, rows: int, many: int, lanes: Any) -> None:
        self.builder = builder
        self.is_complex = isinstance(element, types.Complex)
        real = element.underlying_float if self.is_complex else element
        self.size = real.bitwidth // 8
        self.type = {
            types.float32: ir.FloatType(),
            types.float64: ir.DoubleType(),
        }.get(real, ir.IntType(real.bitwidth))
        self.is_float = isinstance(real, types.Float)
        self.width = VECTOR // self.size
        self.vector = ir.VectorType(self.type, self.width)
        self.many = many
        # Complex weights have their imaginary parts summed up apart.
        self.parts = 2 if self.is_complex else 1
        self.zero = ir.Constant(self.vector, None)
        self.sums = [
            [[self.variable(self.zero) for _ in range(many)] for _ in range(self.parts)]
            for _ in range(rows)
        ]
        self.masks = [] if lanes is None else self.masks_of(lanes)

    def variable(self, value: Any) -> Any:
        """Return the place of something that changes; it is kept in a register."""
        place = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, place)
        return place

    def masks_of(self, lanes: Any) -> list[Any]:
        """Return which elements of each vector there are, of `lanes` outputs in all."""
        if self.is_complex:
            lanes = self.builder.shl(lanes, _I64(1))
        wanted = self._spread(lanes, _I64)
        row = ir.VectorType(_I64, self.width)
        return [
            self.builder.icmp_signed(
                "<", ir.Constant(row, [r * self.width + i for i in range(self.width)]), wanted
            )
            for r in range(self.many)
        ]

    def _spread(self, value: Any, of: Any) -> Any:
        """Return a vector of equal elements."""
        vector = ir.VectorType(of, self.width)
        nothing = ir.Constant(vector, ir.Undefined)
        one = self.builder.insert_element(nothing, value, _I32(0))
        zeros = ir.Constant(ir.VectorType(_I32, self.width), None)
        return self.builder.shuffle_vector(one, nothing, zeros)

    def _masked(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = f"{'f' if self.is_float else 'i'}{self.size * 8}"
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(result, [value.type for value in arguments]),
            f"llvm.masked.{name}.v{self.width}{kind}.p0",
        )
        return self.builder.call(function, arguments)

    def load(self, address: Any, r: int) -> Any:
        """Return the vector `r` of those from an address on."""
        place = self._place(address, r)
        if not self.masks:
            return self.builder.load(place, align=self.size)
        given = [place, _I32(self.size), self.masks[r], self.zero]
        return self._masked("load", self.vector, given)

    def store(self, value: Any, address: Any, r: int) -> None:
        """Write the vector `r` of those from an address on."""
        place = self._place(address, r)
        if not self.masks:
            self.builder.store(value, place, align=self.size)
            return
        given = [value, place, _I32(self.size), self.masks[r]]
        self._masked("store", ir.VoidType(), given)

    def _place(self, address: Any, r: int) -> Any:
        address = self.builder.add(address, _I64(r * VECTOR))
        return self.builder.inttoptr(address, self.vector.as_pointer())

    def add_products(self, row: int, address: Any, samples: list[Any]) -> None:
        """Add to the sums of a row the samples times the weight at an address."""
        for part in range(self.parts):
            place = self.builder.add(address, _I64(part * self.size))
            weight = self.builder.load(self.builder.inttoptr(place, self.type.as_pointer()))
            equal = self._spread(weight, self.type)
            for place, vector in zip(self.sums[row][part], samples, strict=True):
                total = self.builder.load(place)
                self.builder.store(self.multiply_add(equal, vector, total), place)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c."""
        if not self.is_float:
            return self.builder.add(c, self.builder.mul(a, b))
        # "contract" allows a fused multiply-add and nothing else: NaN and infinity stay exact.
        product = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fadd(c, product, flags=("contract",))

    def result(self, row: int, r: int) -> Any:
        """Return the sums of a row."""
        total = self.builder.load(self.sums[row][0][r])
        if not self.is_complex:
            return total
        # i (a + ib) = -b + ia: neighbours change places, the first with its sign turned.
        apart = self.builder.load(self.sums[row][1][r])
        swap = ir.Constant(ir.VectorType(_I32, self.width), [i ^ 1 for i in range(self.width)])
        turned = self.builder.shuffle_vector(apart, apart, swap)
        signs = ir.Constant(self.vector, [-1.0, 1.0] * (self.width // 2))
        return self.multiply_add(signs, turned, total)


def kernel(rows: int, many: int, *, masked: bool = False) -> Any:
    """Return a function that writes `many` vectors of outputs on each of `rows` rows.

    Where `masked`, `lanes` tells how many outputs there are.
    """

    @intrinsic
    def run(
        typing_context: Any, target: Any, lines: Any, counts: Any, form: Any, moved: Any, lanes: Any
    ) -> Any:
        del typing_context, lines, counts, form, moved, lanes
        element = target.dtype

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            del signature
            place, given, served, form, shift, outputs = arguments
            # Complex sums take two registers.
            halves = isinstance(element, types.Complex) and not masked
            count = many // 2 if halves else many
            made = Emitter(builder, element, rows, count, outputs if masked else None)
            # Inlined where it is called, it would be compiled several times.
            builder.function.attributes.add("noinline")
            table, served = (builder.inttoptr(a, _I64.as_pointer()) for a in (given, served))
            taps, step, following, apart = (builder.extract_value(form, i) for i in range(4))
            _sum_lines(made, table, served, (taps, step, following, shift), rows)
            address = builder.add(builder.ptrtoint(place, _I64), shift)
            for row in range(rows):
                for r in range(count):
                    made.store(made.result(row, r), address, r)
                address = builder.add(address, apart)
            return context.get_dummy_value()

        whole = types.int64
        form_ = types.UniTuple(whole, 4)
        return types.void(types.CPointer(element), whole, whole, form_, whole, whole), generate

    return run


def _sum_lines(made: Emitter, lines: Any, counts: Any, form: Any, rows: int) -> None:
    """Add up lines, each of which begins at one address and has its weights at another.

    `form` is the number of taps along a line, the bytes from one tap's samples to the next and from
    one row's weights back to those of the row before, and the bytes to add to each address of
    samples.
    """
    builder, (taps, step, following, shift) = made.builder, form
    line, place = made.variable(_I64(0)), made.variable(_I64(0))
    weight = made.variable(_I64(0))
    element = _I64(made.size * made.parts)
    for segment, (first, last) in enumerate(SERVED if rows > 1 else [(0, 0)]):
        count = builder.load(builder.gep(counts, [_I64(segment)]))
        with cgutils.for_range(builder, count):
            at = builder.load(line)
            samples = builder.load(builder.gep(lines, [at]))
            builder.store(builder.add(samples, shift), place)
            at = builder.add(at, _I64(1))
            builder.store(builder.load(builder.gep(lines, [at])), weight)
            builder.store(builder.add(at, _I64(1)), line)
            with cgutils.for_range(builder, taps):
                here, of_first = builder.load(place), builder.load(weight)
                vectors = [made.load(here, r) for r in range(made.many)]
                own = of_first
                for row in range(first, last + 1):
                    made.add_products(row, own, vectors)
                    own = builder.sub(own, following)
                builder.store(builder.add(here, step), place)
                builder.store(builder.add(of_first, element), weight)
