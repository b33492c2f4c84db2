"""Ops that drop something while training, and are the identity otherwise."""

from __future__ import annotations

from archc.ops.base import Op, Rate, Use, expect_layout, spell
from archc.shapes import Shape


class Dropout(Op):
    """Zero elements with probability p, and scale the others up by 1 / (1 - p)."""

    name = "dropout"
    has_mode = True
    torch_module = "nn.Dropout"

    p: Rate = 0.5

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Dropout, the rate always written."""
        return spell(cls.torch_module, use.p, inplace=(use.inplace, False))


class Dropout2d(Dropout):
    """Zero whole channels with probability p, and scale the others up by 1 / (1 - p)."""

    name = "dropout2d"
    layouts = ("b c h w",)
    torch_module = "nn.Dropout2d"

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape of a map."""
        expect_layout(self, xs[0])
        return xs[0]


class DropPath(Op):
    """Zero a whole sample with probability p, and scale the others up by 1 / (1 - p).

    Stochastic depth (arXiv:1603.09382) with the draws of torchvision.ops.StochasticDepth in
    mode "row".
    """

    name = "drop_path"
    has_mode = True
    torch_module = "DropPath"
    torch_helper = "DropPath"

    p: Rate
