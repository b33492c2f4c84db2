"""Wiring: arithmetic on values, and what joins several of them."""

from __future__ import annotations

from typing import ClassVar

from archc.ops.base import Op, ShapeFault, Unbatched, Use, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_dim, times
from archc.ops.texts import axis, factor, number
from archc.shapes import Shape

SCALAR = "1"
"""The layout of a single learned number, which has no batch dimension either."""


class Identity(Op):
    """The value itself."""

    name = "identity"
    facts = Facts(follows=True, gate="keeps")
    aliases = (
        "skip",
        "noop",
    )
    views = True
    unbatched = "kept"
    torch_module = "nn.Identity"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the value."""
        return xs[0]


def repeats(small: Shape, large: Shape) -> bool:
    """Whether what has no batch of its own fits a shape, aligned at the last dimension.

    It may have fewer dimensions, and some of size 1.
    """
    pairs = zip(reversed(small.sizes), reversed(large.sizes), strict=False)
    return len(small.sizes) <= len(large.sizes) and all(p in (1, q) for p, q in pairs)


def _difference(a: Shape, b: Shape) -> str:
    """Say in what b differs from a, as narrowly as possible."""
    if a.layout != b.layout:
        return "layout"
    if b.replace(c=a.channels) == a:
        return "channel"
    return "size" if b.with_spatial(a.spatial) == a else "shape"


class Arithmetic(Op):
    """What operators between values share: a sign, and a verb for messages."""

    inputs: ClassVar[int | None] = 2
    unbatched: ClassVar[Unbatched] = "kept"
    keeps_output = False
    sign: ClassVar[str]
    verb: ClassVar[str]
    preposition: ClassVar[str]

    def shape(self, *xs: Shape) -> Shape:
        """Take equal shapes only: PyTorch's broadcasting hides mistakes.

        What a network owns rather than computes, such as a learned bias, is repeated.
        """
        owned = (x for x in xs if all(repeats(other, x) for other in xs))
        whole = next((x for x in xs if x.batch == "b"), next(owned, xs[0]))
        for culprit, x in enumerate(xs):
            if x.batch == "b" or not repeats(x, whole):
                self.expect_same(whole, x, culprit)
        return whole

    def expect_same(self, a: Shape, b: Shape, culprit: int) -> None:
        """Raise where b differs from a."""
        if a != b:
            raise self.fault(a, b, _difference(a, b), culprit)

    def fault(self, a: Shape, b: Shape, kind: str, culprit: int) -> ShapeFault:
        """Build the fault of its kind: `adds 256 channels to 64`."""
        first, last = (a, b) if self.preposition == "by" else (b, a)
        sides = {
            "channel": (f"{first.channels} channel{'s'[: first.channels != 1]}", last.channels),
            "size": (f"a map of {times(first.spatial)}", f"one of {times(last.spatial)}"),
            "shape": (first, last),
            "layout": (f"`{first.spelled}` of {first}", f"`{last.spelled}` of {last}"),
        }[kind]
        hint = {
            "channel": "both must have as many channels",
            "size": "both must be as high and as wide",
            "shape": "the shapes must be equal",
            "layout": "the layouts must be equal",
        }[kind]
        code = "shape-mismatch" if kind == "layout" else f"{kind}-mismatch"
        message = f"{self.verb} {sides[0]} {self.preposition} {sides[1]}"
        return ShapeFault(code, message, hint, culprit)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the operator between the values."""
        return f" {cls.sign} ".join(xs)


class Add(Arithmetic):
    """The sum of two values of one shape."""

    name = "add"
    facts = Facts(kind="merge", abbreviation="+", linear=True)
    sign, verb, preposition = "+", "adds", "to"


class Sub(Arithmetic):
    """The difference of two values of one shape."""

    name = "sub"
    facts = Facts(kind="merge", abbreviation="−", linear=True)
    aliases = ("subtract",)
    sign, verb, preposition = "-", "subtracts", "from"


class Div(Arithmetic):
    """The quotient of two values of one shape."""

    name = "div"
    facts = Facts(kind="merge", abbreviation="÷")
    aliases = ("divide",)
    saves = "inputs"
    sign, verb, preposition = "/", "divides", "by"


class Mul(Arithmetic):
    """The product of two values; a dimension of size 1, as a gate has, is repeated."""

    name = "mul"
    facts = Facts(kind="merge", abbreviation="×")
    aliases = ("multiply",)
    saves = "inputs"
    sign, verb, preposition = "*", "multiplies", "by"

    def shape(self, *xs: Shape) -> Shape:
        """Broadcast dimensions of size 1 of either value, and single numbers."""
        a, b = xs
        if (SCALAR,) in (a.layout, b.layout):
            return b if a.layout == (SCALAR,) else a
        for one, other in ((a, b), (b, a)):
            if one.batch == "b" != other.batch and repeats(other, one):
                return one
        if a.layout != b.layout:
            raise self.fault(a, b, "layout", 1)
        pairs = list(zip(a.sizes, b.sizes, strict=True))
        if any(p != q and 1 not in (p, q) for p, q in pairs):
            wrong = Shape(b.layout, tuple(p if 1 in (p, q) else q for p, q in pairs))
            raise self.fault(a, b, _difference(a, wrong), 1)
        return Shape(a.layout, tuple(max(p, q) for p, q in pairs))


class Sum(Arithmetic):
    """The sum of any number of values of one shape."""

    name = "sum"
    facts = Facts(kind="merge", abbreviation="+", linear=True)
    inputs = None
    gathers = True
    sign, verb, preposition = "+", "adds", "to"

    def shape(self, *xs: Shape) -> Shape:
        """Take one value or more, of equal shapes."""
        _expect_some(self, xs)
        return super().shape(*xs)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell a sum; of one value a copy, since what comes after may work in place."""
        return f"{xs[0]}.clone()" if len(xs) == 1 else super().function(use, *xs)

    @classmethod
    def over(cls, use: Use, *xs: str) -> str:
        """Spell the sum of a list, which begins with its first value and not with a number."""
        name = xs[0].removeprefix("*")
        if name == xs[0]:
            return f"sum([{', '.join(xs[1:])}], {name})"
        rest = f"{name}[1:]" if len(xs) == 1 else f"[*{name}[1:], {', '.join(xs[1:])}]"
        return f"sum({rest}, {name}[0])"


class Mean(Sum):
    """The mean of any number of values of one shape."""

    name = "mean"
    facts = Facts(kind="merge", linear=True)
    aliases = ("average",)
    verb, preposition = "averages", "with"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell a sum, divided."""
        total = super().function(use, *xs)
        return total if len(xs) == 1 else f"({total}) / {len(xs)}"

    @classmethod
    def over(cls, use: Use, *xs: str) -> str:
        """Spell the mean of a list."""
        lists = [f"len({x.removeprefix('*')})" for x in xs if x.startswith("*")]
        count = " + ".join([*lists, *([str(len(xs) - len(lists))] if len(xs) > len(lists) else [])])
        return f"{super().over(use, *xs)} / {count if len(lists) == len(xs) == 1 else f'({count})'}"


class Scale(Op):
    """A number times a value."""

    name = "scale"
    facts = Facts(gate="keeps")
    unbatched = "kept"
    keeps_output = False

    factor: float

    def drawn(self, *xs: Shape) -> str:
        """Write `× 0.5`."""
        return f"× {self.factor:g}"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the product, the number first."""
        return f"{factor(number(use.factor))} * {xs[0]}"


class Shift(Op):
    """A value plus a number."""

    name = "shift"
    facts = Facts(gate="keeps")
    unbatched = "kept"
    keeps_output = False

    offset: float

    def drawn(self, *xs: Shape) -> str:
        """Write `− 0.5`."""
        return f"{'−' if self.offset < 0 else '+'} {abs(self.offset):g}"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the sum, or a difference where the number is a negative constant."""
        offset = number(use.offset)
        if offset.text.startswith("-") and offset.text[1:].replace(".", "").isdigit():
            return f"{xs[0]} - {offset.text[1:]}"
        return f"{xs[0]} + {offset.atom}"


class Minus(Op):
    """A number minus a value, as the share `1 - g` that a gate leaves."""

    name = "minus"
    facts = Facts(gate="keeps")
    unbatched = "kept"
    keeps_output = False

    minuend: float

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the difference, the number first."""
        return f"{number(use.minuend).atom} - {xs[0]}"


class Over(Op):
    """A value divided by a number, or a number by a value."""

    name = "over"
    facts = Facts(gate="keeps")
    unbatched = "kept"
    keeps_output = False

    number: float
    inverse: bool = False

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the quotient."""
        text = number(use.args["number"]).atom
        return f"{text} / {xs[0]}" if use.inverse.value else f"{xs[0]} / {text}"


class Negate(Op):
    """A value with its sign changed."""

    name = "negate"
    facts = Facts(gate="keeps")
    aliases = ("neg",)
    unbatched = "kept"
    keeps_output = False

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the sign."""
        return f"-{xs[0]}"


class Concat(Op):
    """Values side by side along a dimension."""

    name = "concat"
    facts = Facts(kind="concat", linear=True)
    aliases = (
        "cat",
        "concatenate",
    )
    inputs = None
    gathers = True
    unbatched = "repeated"
    keeps_output = False

    dim: str = "c"

    def shape(self, *xs: Shape) -> Shape:
        """Add the sizes along the dimension; all others must be equal."""
        _expect_some(self, xs)
        first, dim = xs[0], self.dim
        total = expect_dim(self, first, dim)
        for culprit, x in enumerate(xs[1:], 1):
            rest, wanted = (s.replace(**{dim: 1}) for s in (x, first))
            if rest != wanted:
                same = x.layout == first.layout
                a, b = (str(s) if same else f"`{s.spelled}` of {s}" for s in (x, first))
                raise ShapeFault(
                    "concat-mismatch",
                    f"concatenates {a} with {b}",
                    f"the values may differ along `{dim}` only",
                    culprit,
                )
            total += expect_dim(self, x, dim)
        return first.replace(**{dim: total})

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell torch.cat; of one value, that value."""
        if len(xs) == 1:
            return xs[0]
        return spell("torch.cat", f"[{', '.join(xs)}]", dim=(axis(use.shapes[0], use.dim), 0))


def _expect_some(op: Op, xs: tuple[Shape, ...]) -> None:
    if not xs:
        raise ShapeFault("no-values", f"`{op.name}` needs at least one value")
