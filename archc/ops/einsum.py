"""Products of two values, and values side by side along a new dimension."""

from __future__ import annotations

from math import prod
from string import ascii_lowercase
from typing import Annotated

from pydantic import AfterValidator

from archc.ops.base import Op, ShapeFault, Use, spell
from archc.ops.facts import Facts
from archc.ops.patterns import LETTERS, contracted
from archc.ops.wiring import Arithmetic
from archc.shapes import Shape
from archc.windows import EVERYTHING, Windows


def _pattern(value: str) -> str:
    contracted(value)
    return value


class Einsum(Op):
    """Products of two values, summed along the names that the right side leaves out.

    `b n d, b m d -> b n m` is the matrix of the dot products of all pairs of tokens. A learned
    parameter has no batch: `b n c, c d -> b n d`.
    """

    name = "einsum"
    aliases = (
        'bmm() ~ einsum("b n c, b c m -> b n m")',
        'matmul() ~ einsum("b n c, b c m -> b n m")',
    )
    inputs = 2
    unbatched = "kept"
    keeps_output = False
    saves = "inputs"

    pattern: Annotated[str, AfterValidator(_pattern)]

    def shape(self, *xs: Shape) -> Shape:
        """Name the dimensions as the right side does."""
        _, result = contracted(self.pattern)
        sizes = self._sizes(*xs)
        names = [n for n in result if n != "b"]
        return Shape(tuple(names), tuple(sizes[n] for n in names))

    def batch(self, *xs: Shape) -> str:
        """Have a batch where the pattern says so."""
        return "b" if "b" in contracted(self.pattern)[1] else ""

    def _sizes(self, *xs: Shape) -> dict[str, int]:
        """Return the size of each name, or raise ShapeFault."""
        sizes: dict[str, int] = {}
        for culprit, (names, x) in enumerate(zip(contracted(self.pattern)[0], xs, strict=True)):
            self._expect_fit(names, x, culprit)
            for name, size in zip([n for n in names if n != "b"], x.sizes, strict=True):
                if sizes.setdefault(name, size) != size:
                    raise ShapeFault(
                        "shape-mismatch",
                        f"`{self.name}` has a `{name}` of {sizes[name]} in its first value and of "
                        f"{size} in its second",
                        "a name stands for one size",
                        culprit,
                    )
        return sizes

    def _expect_fit(self, names: list[str], x: Shape, culprit: int) -> None:
        """Raise unless the names are the layout of x, as far as both use known names."""
        own = ["b", *x.layout] if x.batch == "b" else list(x.layout)
        known = {*LETTERS, "b"} if x.batch == "b" else {"b"}
        odd = any(a != b and {a, b} <= known for a, b in zip(names, own, strict=False))
        if odd or len(names) != len(own) or ("b" in names) != ("b" in own):
            owned = "" if x.batch == "b" else ": what a network owns has no batch"
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes `{' '.join(names)}` by its pattern, but gets `{' '.join(own)}`",
                f"the left side names the dimensions in their order{owned}",
                culprit,
            )

    def macs(self, *xs: Shape) -> int:
        """Count the products, where they are added up as in a product of matrices."""
        (first, second), result = contracted(self.pattern)
        shared = {*first} & {*second}
        sizes = {n: size for n, size in self._sizes(*xs).items() if n in shared or n in result}
        return prod(sizes.values()) if shared - {*result} else 0

    def sees(self, *xs: Shape) -> Windows:
        """See all places, unless height and width are as they were."""
        (first, _), result = contracted(self.pattern)
        same = all((name in first) == (name in result) for name in ("h", "w", "n"))
        return super().sees(*xs) if same else EVERYTHING

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell torch.einsum, whose names are single letters."""
        (first, second), result = contracted(str(use.pattern.value))
        letters: dict[str, str] = {}
        for name in (*first, *second):
            wished = [c for c in name.lower() if c in ascii_lowercase] + list(ascii_lowercase)
            letters.setdefault(name, next(c for c in wished if c not in letters.values()))
        a, b, out = ("".join(letters[n] for n in names) for names in (first, second, result))
        values = [f"{x}[0]" if s.batch == "1" else x for x, s in zip(xs, use.shapes, strict=True)]
        return f'torch.einsum("{a}, {b} -> {out}", {values[0]}, {values[1]})'


class Stack(Arithmetic):
    """Values of one shape side by side along a new dimension, the first after the batch."""

    name = "stack"
    facts = Facts(kind="concat")
    inputs = None
    unbatched = "repeated"
    verb, preposition = "stacks", "on"

    dim: str

    def shape(self, *xs: Shape) -> Shape:
        """Put the new dimension in front."""
        if not xs:
            raise ShapeFault("no-values", f"`{self.name}` needs at least one value")
        x = xs[0]
        for culprit, other in enumerate(xs[1:], 1):
            self.expect_same(x, other, culprit)
        if self.dim in x.layout or not self.dim.isidentifier() or self.dim == "b":
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` gives two dimensions that are called `{self.dim}`",
                f"`{x.spelled}` is what it gets: give the new one another name",
                0,
            )
        return Shape((self.dim, *x.layout), (len(xs), *x.sizes))

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell torch.stack."""
        return spell("torch.stack", f"[{', '.join(xs)}]", dim=(1, 0))
