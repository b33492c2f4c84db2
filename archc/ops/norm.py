"""Normalisation: subtract a mean, divide by a deviation, then scale and shift by channel."""

from __future__ import annotations

from typing import ClassVar

from archc.ops.arguments import Positive
from archc.ops.backward import FLOAT
from archc.ops.base import Op, ShapeFault, Tensor, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_dim, expect_groups, times
from archc.ops.texts import options
from archc.shapes import Shape


def _affine(channels: int) -> dict[str, Tensor]:
    return {"weight": Tensor((channels,)), "bias": Tensor((channels,))}


def _running(channels: int) -> dict[str, Tensor]:
    return {
        "running_mean": Tensor((channels,), trainable=False),
        "running_var": Tensor((channels,), trainable=False),
        "num_batches_tracked": Tensor((), trainable=False),
    }


class BatchNorm(Op):
    """Normalise each channel over the batch and the map; in inference by running statistics."""

    name = "bn"
    facts = Facts(kind="norm", abbreviation="BN", normalizes="batch")
    aliases: ClassVar[tuple[str, ...]] = (
        "BatchNorm2d(num_features, eps, momentum, affine, track_running_stats)",
        "BatchNorm1d(num_features, eps, momentum, affine, track_running_stats)",
        "SyncBatchNorm(num_features, eps, momentum, affine, track_running_stats)",
        "LazyBatchNorm2d(eps, momentum, affine, track_running_stats)",
        "LazyBatchNorm1d(eps, momentum, affine, track_running_stats)",
        "BatchNormalization() = bn(eps=1e-3, momentum=0.01)",
        "batch_norm",
        "FrozenBatchNorm2d(num_features, eps)",
    )
    sized = True
    layouts: ClassVar[tuple[str, ...]] = ("b c h w", "b c")
    keeps_output = False
    saves = "inputs"

    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape."""
        expect_layout(self, xs[0])
        return xs[0]

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a scale, a shift, and the running statistics."""
        channels = xs[0].channels
        return (_affine(channels) if self.affine else {}) | (
            _running(channels) if self.track_running_stats else {}
        )

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.BatchNorm2d for a map and nn.BatchNorm1d for a vector."""
        name = "nn.BatchNorm2d" if use.shapes[0].spatial else "nn.BatchNorm1d"
        return spell(name, use.channels[0], **options(cls, use, *cls.model_fields))


class LayerNorm(Op):
    """Normalise the channels of each place by themselves, whatever the layout."""

    name = "layer_norm"
    facts = Facts(kind="norm", abbreviation="LN", normalizes="sample")
    aliases = (
        "LayerNorm(normalized_shape, eps, affine)",
        "LayerNorm2d(num_channels, eps, affine)",
        "LayerNormalization() = layer_norm(eps=1e-3)",
    )
    sized = True
    keeps_output = False
    saves = "inputs"

    eps: float = 1e-5
    affine: bool = True

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape, whose channels must be first or last."""
        x = xs[0]
        expect_dim(self, x, "c")
        if "c" not in (x.layout[0], x.layout[-1]):
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` takes channels that are first or last, but gets `{x.spelled}`",
                "`rearrange` changes the layout",
                0,
            )
        return x

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a scale and a shift."""
        return _affine(xs[0].channels) if self.affine else {}

    def saved_bytes(self, *xs: Shape) -> int:
        """Keep a mean and a deviation for each place."""
        return 2 * FLOAT * (xs[0].numel // xs[0].channels)

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need a LayerNorm that moves the channels to the end, where they are first."""
        return "" if use.shapes[0].layout[-1] == "c" else "LayerNorm2d"

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.LayerNorm, or the helper, which takes the same arguments."""
        name = cls.helper(use) or "nn.LayerNorm"
        affine = (use.affine, True)
        return spell(name, use.channels[0], **options(cls, use, "eps"), elementwise_affine=affine)


class GroupNorm(Op):
    """Normalise groups of channels, with all places of a sample (arXiv:1803.08494)."""

    name = "group_norm"
    facts = Facts(kind="norm", normalizes="sample")
    aliases = (
        "GroupNorm(groups, num_channels, eps, affine)",
        "GroupNormalization(groups, axis, eps)",
        "GroupNorm1() = group_norm(1)",
    )
    sized = True
    layouts = ("b c h w", "b c")
    keeps_output = False
    saves = "inputs"

    groups: Positive
    eps: float = 1e-5
    affine: bool = True

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape, whose channels must fall into groups."""
        expect_layout(self, xs[0])
        expect_groups(self, self.groups, input=xs[0].channels)
        return xs[0]

    def drawn(self, *xs: Shape) -> str:
        """Write `GN, 32 groups`."""
        return f"GN, {self.groups} groups"

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own a scale and a shift."""
        return _affine(xs[0].channels) if self.affine else {}

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.GroupNorm."""
        head = (use.groups, use.channels[0])
        return spell("nn.GroupNorm", *head, **options(cls, use, "eps", "affine"))


class InstanceNorm(BatchNorm):
    """Normalise each channel of each sample over its map (arXiv:1607.08022)."""

    name = "instance_norm"
    facts = Facts(kind="norm", abbreviation="IN", normalizes="sample")
    aliases = (
        "InstanceNorm2d(num_features, eps, momentum, affine, track_running_stats)",
        "LazyInstanceNorm2d(eps, momentum, affine, track_running_stats)",
    )
    layouts = ("b c h w",)

    momentum: float | None = 0.1
    affine: bool = False
    track_running_stats: bool = False

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape; a single element has no deviation to divide by."""
        expect_layout(self, xs[0])
        if xs[0].spatial == (1, 1):
            raise ShapeFault(
                "one-element",
                f"`{self.name}` normalises over height and width, but the map is "
                f"{times(xs[0].spatial)}",
                "`layer_norm` or `bn` can normalise such a map",
                0,
            )
        return xs[0]

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.InstanceNorm2d."""
        return spell("nn.InstanceNorm2d", use.channels[0], **options(cls, use, *cls.model_fields))


class LocalResponseNorm(Op):
    """Divide by the energy of `size` neighbouring channels: AlexNet, section 3.3."""

    name = "local_response_norm"
    facts = Facts(kind="norm", abbreviation="LRN")
    aliases = (
        "CrossMapLRN2d(size, alpha, beta, k)",
        "lrn",
    )
    saves = "inputs"
    layouts = ("b c h w",)
    torch_module = "nn.LocalResponseNorm"

    size: Positive
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape."""
        expect_layout(self, xs[0])
        return xs[0]

    def saved_bytes(self, *xs: Shape) -> int:
        """Keep the energies and their power, and the padded squares that they are means of."""
        x = xs[0]
        padded = x.numel // x.channels * (x.channels + self.size - 1)
        return FLOAT * (2 * x.numel + padded)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell F.local_response_norm."""
        rest = options(cls, use, "alpha", "beta", "k")
        return spell("F.local_response_norm", *xs, use.size, **rest)
