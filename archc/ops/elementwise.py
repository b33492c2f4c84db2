"""Functions of each element, of two values, and of the length of a vector."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from archc.ops.backward import FLOAT, Saves
from archc.ops.base import (
    Op,
    ShapeFault,
    Use,
    spell,
)
from archc.ops.faults import expect_dim
from archc.ops.texts import axis, options
from archc.ops.wiring import Arithmetic
from archc.shapes import Shape


class Elementwise(Op):
    """What functions of each element share: a function of PyTorch with the same arguments."""

    unbatched = "kept"
    keeps_output = False
    saves: ClassVar[Saves] = "inputs"
    torch_function: ClassVar[str]

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function."""
        required = [use.args[n] for n, f in cls.model_fields.items() if f.is_required()]
        names = [n for n, f in cls.model_fields.items() if not f.is_required()]
        return spell(cls.torch_function, *xs, *required, **options(cls, use, *names))


class Abs(Elementwise):
    """The absolute value."""

    name = "abs"
    aliases = ("absolute",)
    torch_function = "torch.abs"


class Exp(Elementwise):
    """e to the power of each element."""

    name = "exp"
    keeps_output = True
    saves = "output"
    torch_function = "torch.exp"


class Power(Elementwise):
    """Each element to the power of a number; 0.5 is the square root."""

    name = "power"
    aliases = ("pow",)
    torch_function = "torch.pow"

    exponent: float


class Clamp(Elementwise):
    """Each element, but no less than `min` and no more than `max`; one of them may be left out."""

    name = "clamp"
    aliases = (
        "clip",
        "Hardtanh(min, max) = clamp({min|-1}, {max|1})",
    )
    torch_function = "torch.clamp"

    min: float | None = None
    max: float | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape; a bound has to be given."""
        if self.min is None and self.max is None:
            raise ShapeFault(
                "missing-argument", "`clamp` needs a bound", "give `min`, `max`, or both"
            )
        return xs[0]


class Maximum(Arithmetic):
    """The larger of two values, element by element."""

    name = "maximum"
    saves = "inputs"
    verb, preposition = "compares", "with"
    torch_function: ClassVar[str] = "torch.maximum"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function."""
        return spell(cls.torch_function, *xs)


class Minimum(Maximum):
    """The smaller of two values, element by element."""

    name = "minimum"
    torch_function = "torch.minimum"


class L2Normalize(Op):
    """Vectors along a dimension divided by their length, or by `eps` where that is larger."""

    name = "l2_normalize"
    aliases = (
        "normalize()",
        "UnitNormalization",
    )
    saves = "inputs"

    dim: str = "c"
    eps: Annotated[float, Field(gt=0)] = 1e-12

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape, which must have the dimension."""
        expect_dim(self, xs[0], self.dim)
        return xs[0]

    def saved_bytes(self, *xs: Shape) -> int:
        """Keep the length of each vector, as it is and at least `eps`."""
        return 2 * FLOAT * (xs[0].numel // (xs[0].get(self.dim) or 1))

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell F.normalize with the dimension's number."""
        number = axis(use.shapes[0], use.dim)
        return spell("F.normalize", *xs, dim=(number, 1), **options(cls, use, "eps"))
