"""Linear layers: a matrix between channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from archc.ops.arguments import Count, Positive
from archc.ops.base import Op, ShapeFault, Tensor, Use, spell
from archc.ops.cut import tuple_of
from archc.ops.facts import Facts
from archc.ops.faults import expect_channels_last
from archc.ops.papers import Style
from archc.ops.patterns import LETTERS
from archc.ops.texts import options
from archc.shapes import Shape

Mask = Annotated[
    tuple[Annotated[Count, Field(le=1)], ...],
    BeforeValidator(tuple_of),
    Field(min_length=1),
]


class Linear(Op):
    """Affine map of the last dimension: the channels, or what `rearrange` has put there.

    With `bias_mask` only some parts of the result have a bias, the third of queries say:
    `bias_mask=[1, 0, 1]` for three equal parts.
    """

    name = "linear"
    facts = Facts(kind="linear")
    aliases = (
        "Linear(in_features, out, bias)",
        "LazyLinear(out, bias)",
        "Dense(out, activation, bias)",
        "fc",
        "fully_connected",
        "NonDynamicallyQuantizableLinear(in_features, out, bias)",
    )
    decisive = ("bias_mask",)
    keeps_output = False
    saves = "inputs"
    weighted = True

    out: Positive
    bias: bool = True
    bias_mask: Mask | None = None

    def shape(self, *xs: Shape) -> Shape:
        """Change the last dimension, which are channels unless it is known to be else."""
        x = xs[0]
        if x.layout == ("c", "h", "w"):
            expect_channels_last(self, x, "channels that are last")
        if self.bias_mask and (not self.bias or self.out % len(self.bias_mask)):
            raise ShapeFault(
                "parts-do-not-divide",
                f"`linear` can't give {len(self.bias_mask)} equal parts of {self.out} channels "
                + ("a bias each" if self.bias else "a bias with `bias=false`"),
                "`bias_mask` has a 1 for each part with a bias, and a 0 for each without",
            )
        last = x.layout[-1] if {"c", x.layout[-1]} & {*x.layout[:-1], *LETTERS[1:]} else "c"
        return Shape((*x.layout[:-1], last), (*x.sizes[:-1], self.out))

    def features(self, x: Shape) -> int:
        """Return the size of the last dimension."""
        return x.sizes[-1]

    def drawn(self, *xs: Shape) -> str:
        """Write `fc 1000` behind a vector, `linear, 64` behind tokens."""
        return f"fc {self.out}" if xs[0].layout == ("c",) else f"linear, {self.out}"

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `1000-d fc`."""
        return f"{self.out}-d fc"

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a weight (out, in) and a bias."""
        weight = Tensor((self.out, self.features(xs[0])))
        return {"weight": weight} | ({"bias": Tensor((self.out,))} if self.bias else {})

    def macs(self, *xs: Shape) -> int:
        """Count a multiply-add for each weight and token."""
        return xs[0].numel * self.out

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Linear, or the helper that masks its bias."""
        head = (use.channels[0], use.out)
        if name := cls.helper(use):
            return spell(name, *head, use.bias_mask)
        return spell("nn.Linear", *head, **options(cls, use, "bias"))

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need a linear map whose bias is masked, where it is."""
        return "MaskedBiasLinear" if use.bias_mask.value else ""
