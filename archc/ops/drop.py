"""Ops that drop something while training, and are the identity otherwise."""

from __future__ import annotations

from typing import ClassVar

from archc.ops.arguments import Rate
from archc.ops.backward import FLOAT
from archc.ops.base import Op, Unbatched, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.wiring import Mean
from archc.shapes import Shape


class Dropout(Op):
    """Zero elements with probability p, and scale the others up by 1 / (1 - p)."""

    name = "dropout"
    facts = Facts(abbreviation="dropout", follows=True, gate="keeps")
    aliases = ("drop",)
    unbatched: ClassVar[Unbatched] = "kept"
    has_mode = True
    torch_module = "nn.Dropout"

    p: Rate = 0.5

    def saved_bytes(self, *xs: Shape) -> int:
        """Keep what each element is multiplied by."""
        return FLOAT * xs[0].numel if self.p else 0

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.Dropout, the rate always written."""
        return spell(cls.torch_module, use.p, inplace=(use.inplace, False))


class Dropout2d(Dropout):
    """Zero whole channels with probability p, and scale the others up by 1 / (1 - p)."""

    name = "dropout2d"
    facts = Facts(abbreviation="dropout", follows=True)
    aliases = ("SpatialDropout2D(p)",)
    unbatched = "lifted"
    layouts = ("b c h w",)
    torch_module = "nn.Dropout2d"

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape of a map."""
        expect_layout(self, xs[0])
        return xs[0]

    def saved_bytes(self, *xs: Shape) -> int:
        """Keep what each channel is multiplied by."""
        return FLOAT * xs[0].channels if self.p else 0


class DropPath(Op):
    """Zero a whole sample with probability p, and scale the others up by 1 / (1 - p).

    Stochastic depth (arXiv:1603.09382) with the draws of torchvision.ops.StochasticDepth in
    mode "row".
    """

    name = "drop_path"
    facts = Facts(abbreviation="drop path", follows=True)
    has_mode = True
    torch_module = "DropPath"
    torch_helper = "DropPath"

    p: Rate


class StochasticDepth(Op):
    """Zero the whole batch with probability p while training, and scale by 1 - p in inference.

    Stochastic depth as its paper has it (arXiv:1603.09382, Sec. 3): a layer is there for a whole
    batch or not at all, unscaled; what it gives is scaled by its chance to survive when tested
    (Eq. 5). `drop_path` is the later form: one draw for each sample, scaled while training.
    What is dropped is computed all the same, and its batch norms measure it.
    """

    name = "stochastic_depth"
    facts = Facts(abbreviation="stochastic depth", follows=True)
    has_mode = True
    torch_module = "StochasticDepth"
    torch_helper = "StochasticDepth"

    p: Rate


class LiveMean(Mean):
    """The mean of values, of which each is dropped with probability p while training, never all.

    FractalNet's join with local drop-path (arXiv:1605.07648). As its authors have it, one draw
    holds for the whole batch.
    """

    name = "live_mean"
    facts = Facts(kind="merge")
    has_mode = True
    torch_module = "LiveMean"
    torch_helper = "LiveMean"
    verb, preposition = "averages", "with"

    p: Rate = 0.15

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell the helper, the rate always written."""
        return spell(cls.torch_module, use.p)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Give none: it has a mode."""
        return ""
