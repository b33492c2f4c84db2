"""Sources: values that a module owns rather than computes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from archc.ops.arguments import Positive, spelled
from archc.ops.base import Op, Tensor, Use, spell
from archc.ops.cut import tuple_of
from archc.ops.texts import elements
from archc.ops.wiring import SCALAR
from archc.shapes import Shape


def _one_sample(dims: tuple[int, ...]) -> tuple[int, ...]:
    if len(dims) == 4 and dims[0] != 1:
        raise PydanticCustomError(
            "not_one_sample",
            "must start with 1, which stands for the batch, got {value}",
            {"value": spelled(dims)},
        )
    return dims


Dims = Annotated[
    tuple[Positive, ...],
    BeforeValidator(tuple_of),
    Field(min_length=1, max_length=4),
    AfterValidator(_one_sample),
]


class Parameter(Op):
    """A learned tensor: a class token, a position embedding, the scale of a branch.

    A first dimension of 1 stands for the batch. One number, `parameter(1)`, may multiply
    a value of any layout.
    """

    name = "parameter"
    inputs = 0
    variadic = "dims"

    dims: Dims
    init: float | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Name the dimensions by how many there are: c, n c, or c h w."""
        if self.dims == (1,):
            return Shape.of(SCALAR, 1)
        sizes = self.dims[1:] if self.batch() else self.dims
        return Shape.of({1: "c", 2: "n c", 3: "c h w"}[len(sizes)], *sizes)

    def batch(self, *xs: Shape) -> str:
        """Have a dimension for the batch where the first of several is 1."""
        return "1" if len(self.dims) > 1 and self.dims[0] == 1 else ""

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own one tensor, which bears the name of the step itself."""
        return {"": Tensor(self.dims)}

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Parameter, filled with `init`, or with zeros."""
        dims = elements(use.dims) or f"*{use.dims.atom}"
        fills = {None: "torch.zeros", 0: "torch.zeros", 1: "torch.ones"}
        fill = fills.get(use.init.value)
        if fill is None:
            return spell("nn.Parameter", spell("torch.full", use.dims, use.init))
        return spell("nn.Parameter", spell(fill, dims))

    @classmethod
    def call(cls, module: str, *xs: str) -> str:
        """Spell the attribute itself: there is nothing to call."""
        return module
