"""Attention: every query looks at all keys and takes a mixture of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from archc.ops.arguments import Positive, Rate
from archc.ops.backward import FLOAT, Backward
from archc.ops.base import Op, ShapeFault, Tensor, Use, expect_layout, spell
from archc.ops.facts import Facts
from archc.ops.faults import expect_channels_last, nearest_divisors, times
from archc.ops.papers import Style
from archc.ops.texts import options
from archc.shapes import Shape
from archc.windows import EVERYTHING, Windows

FUSED = "attention is fused and keeps no weights"
MATH = "attention is math, step by step, and keeps its weights"
"""The ways of PyTorch's scaled dot product attention, by the names that PyTorch has for them."""


def kernel(heads: int, q: Shape) -> Backward:
    """Return what PyTorch's kernel keeps: what it takes and gives, and a number for each query."""
    return Backward((0, 1, 2), True, FLOAT * heads * (q.numel // q.sizes[-1]), FUSED)


_TOKENS = "keys and values are of the same tokens, in the same groups"
_CHANNELS = "queries and keys have one number of channels: a `linear` on one of them makes it so"


def _one_group(queries: tuple[int, ...], keys: tuple[int, ...]) -> str:
    """Say how queries and keys in unequal groups get together: a group looks at its own keys."""
    whole = 'rearrange("b g n c -> b (g n) c")'
    one = {(): "", (1,): ', and `rearrange("b 1 n c -> b n c")` on what has one'}
    if queries in one and len(keys) == 1:
        return f"each group has its own keys; to look at all of them, put `{whole}` on keys and values{one[queries]}"
    if keys in one and len(queries) == 1:
        return (
            f"each group has its own keys; to share them, put `{whole}` on the queries{one[keys]}"
        )
    return "each group of queries has its own group of keys, so there must be as many of both"


def _drawn(heads: int) -> str:
    return f"attention, {heads} head{'s' * (heads > 1)}"


class Attention(Op):
    """softmax(q kᵀ · scale + terms) v, in heads: the core of attention, without parameters.

    It takes queries, keys and values, tokens by channels in the last two dimensions, and any
    number of terms that are added to the logits `heads n m`: a position bias, a mask. `scale` is
    1 / √(channels of a head) unless given (arXiv:1706.03762, equation 1). With
    `similarity="cosine"` queries and keys have length 1, and the first term is not added: its
    exponential, at most 100, scales the logits of each head (arXiv:2111.09883, equation 2).
    `fused=false` works step by step instead of by PyTorch's kernel, and differs in rounding.
    """

    name = "attention"
    facts = Facts(kind="attention")
    aliases = ("scaled_dot_product_attention",)
    inputs = None
    unbatched = "kept"
    decisive = ("similarity", "fused")

    heads: Positive
    scale: float | None = None
    similarity: Literal["dot", "cosine"] = "dot"
    fused: bool = True

    def drawn(self, *xs: Shape) -> str:
        """Write `attention, 8 heads`."""
        return _drawn(self.heads)

    def shape(self, *xs: Shape) -> Shape:
        """Have a place for each query, with the channels of the values."""
        least = 4 if self.similarity == "cosine" else 3
        if len(xs) < least:
            scale = " and the logarithm of the scale" if least == 4 else ""
            raise ShapeFault(
                "too-few-values",
                f"`{self.name}` takes queries, keys and values{scale}, but gets {len(xs)}",
                "`split(3)` of a `linear(3 * channels)` gives the three",
            )
        q, k, v, *terms = xs
        self._expect_tokens(q, k, v)
        logits = Shape(
            (*q.layout[:-2], "heads", "n", "m"),
            (*q.sizes[:-2], self.heads, q.sizes[-2], k.sizes[-2]),
        )
        if self.similarity == "cosine":
            self._expect_scale(terms[0])
        for culprit, term in enumerate(terms, 3):
            self._expect_term(term, logits, culprit)
        return Shape(q.layout, (*q.sizes[:-1], v.sizes[-1]))

    def _expect_tokens(self, q: Shape, k: Shape, v: Shape) -> None:
        """Raise unless all are tokens by channels that fall into heads and fit together."""
        for culprit, x in enumerate((q, k, v)):
            takes = "tokens by channels, `b n c`"
            if len(x.layout) < 2:
                raise ShapeFault(
                    "wrong-layout",
                    f"`{self.name}` takes {takes}, but gets `{x.spelled}`",
                    "tokens are the dimension before the channels",
                    culprit,
                )
            expect_channels_last(self, x, takes, culprit)
            expect_heads(self, self.heads, x, culprit)
        groups, others = q.sizes[:-2], k.sizes[:-2]
        if groups != others:
            plural = "s" * (groups != (1,))
            counts = f"in {times(groups) or 'no'} group{plural} and keys in {times(others) or 'no'}"
            raise ShapeFault(
                "shape-mismatch",
                f"`{self.name}` takes queries {counts}",
                _one_group(groups, others),
                1,
            )
        pairs = (
            ("keys", k.sizes[:-1], "values", v.sizes[:-1], _TOKENS, 2),
            ("channels of queries", q.sizes[-1:], "channels of keys", k.sizes[-1:], _CHANNELS, 1),
        )
        for first, a, second, b, remedy, culprit in pairs:
            if a != b:
                raise ShapeFault(
                    "shape-mismatch",
                    f"`{self.name}` takes {first} of {times(a)} and {second} of {times(b)}",
                    remedy,
                    culprit,
                )

    def _expect_scale(self, scale: Shape) -> None:
        sizes = (
            (1, *scale.sizes) if scale.batch == "1" else scale.sizes
        )  # of one head, a batch of 1
        if sizes != (self.heads, 1, 1):
            raise ShapeFault(
                "shape-mismatch",
                f"`{self.name}` takes a scale for each of {self.heads} heads, but gets {scale}",
                f"`parameter({self.heads}, 1, 1)` is one",
                3,
            )

    def _expect_term(self, term: Shape, logits: Shape, culprit: int) -> None:
        """Raise unless a term can be repeated to the logits, aligned at the last dimension."""
        pairs = zip(reversed(term.sizes), reversed(logits.sizes), strict=False)
        short = term.batch == "b" and len(term.sizes) != len(logits.sizes)
        long = len(term.sizes) > len(logits.sizes)
        if short or long or any(p not in (1, q) for p, q in pairs):
            raise ShapeFault(
                "shape-mismatch",
                f"`{self.name}` adds {term} to logits of {logits}",
                f"the logits are `{logits.spelled}` here; a term may have 1 in place of a size",
                culprit,
            )

    def macs(self, *xs: Shape) -> int:
        """Count the products of queries with keys, and of weights with values."""
        q, k, v = xs[:3]
        return q.numel // q.sizes[-1] * k.sizes[-2] * (q.sizes[-1] + v.sizes[-1])

    def backward(self, *xs: Shape, learned: Sequence[bool]) -> Backward:
        """Keep what the way needs that PyTorch takes on a CPU.

        The kernel takes `b n c`, and no term that is learned: it keeps what it is given and
        gives, and for each query the logarithm of a sum. Step by step the weights are kept,
        beside copies of queries, keys and values in heads.
        """
        q, k, v = xs[:3]
        cosine = self.similarity == "cosine"
        if self.fused and not cosine and len(q.layout) == 2 and not any(learned[3:]):
            return kernel(self.heads, q)
        places = q.numel // q.sizes[-1] * self.heads
        weights = places * k.sizes[-2]
        alone = self.heads == 1  # a view in heads is no copy then
        if cosine:
            sums = 2 * (places + k.numel // k.sizes[-1] * self.heads)
            copies = q.numel + k.numel + (0 if alone else v.numel)
            return Backward(
                (0, 1, 2)[: 2 + alone], bytes=FLOAT * (copies + sums + 2 * weights), way=MATH
            )
        held = () if not alone else (2,) if self.fused else (1, 2)
        copies = sum(x.numel for n, x in enumerate((q, k, v)) if n not in held)
        return Backward(held, bytes=FLOAT * (copies + weights), way=MATH)

    def sees(self, *xs: Shape) -> Windows:
        """See every token."""
        return EVERYTHING

    @classmethod
    def helper(cls, use: Use) -> str:
        """Need one of the two ways to reckon."""
        if use.similarity.value == "cosine":
            return "cosine_attention"
        return "attention" if use.fused.value else "attention_by_steps"

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the helper."""
        q, k, v, *terms = xs
        scale = {} if use.similarity.value == "cosine" else {"scale": (use.scale, None)}
        return spell(cls.helper(use), q, k, v, use.heads, *terms, **scale)


class MultiheadAttention(Op):
    """Attention with the projections of queries, keys, values and result: nn.MultiheadAttention.

    Of one value it is self-attention; else it takes queries, keys and values, all of the
    channels of the queries (arXiv:1706.03762, section 3.2.2).
    """

    name = "multihead_attention"
    facts = Facts(kind="attention")
    aliases = (
        "MultiheadAttention(embed_dim, heads, dropout, bias)",
        "MultiHeadAttention(heads)",
        "self_attention(heads)",
        "mhsa(heads)",
    )
    inputs = 3
    unbatched = "repeated"
    spread = True
    has_mode = True
    layouts = ("b n c", "1 n c", "n c")

    heads: Positive
    dropout: Rate = 0.0
    bias: bool = True

    def drawn(self, *xs: Shape) -> str:
        """Write `attention, 8 heads`."""
        return _drawn(self.heads)

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write `8-head attention`."""
        return f"{self.heads}-head attention"

    def shape(self, *xs: Shape) -> Shape:
        """Have a place for each query."""
        q, k, v = xs
        for culprit, x in enumerate(xs):
            expect_layout(self, x)
            if x.channels != q.channels:
                raise ShapeFault(
                    "channel-mismatch",
                    f"`{self.name}` takes {x.channels} channels beside queries of {q.channels}",
                    f"`linear({q.channels})` can project to as many",
                    culprit,
                )
        expect_heads(self, self.heads, q, 0)
        if k != v:
            raise ShapeFault(
                "shape-mismatch",
                f"`{self.name}` takes keys of {k} and values of {v}",
                "keys and values have one number of tokens",
                2,
            )
        return q

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own the three projections in one, and that of the result."""
        c = xs[0].channels
        weight, out = Tensor((3 * c, c)), {"out_proj.weight": Tensor((c, c))}
        if not self.bias:
            return {"in_proj_weight": weight} | out
        biases = {"in_proj_bias": Tensor((3 * c,))}
        return {"in_proj_weight": weight} | biases | out | {"out_proj.bias": Tensor((c,))}

    def macs(self, *xs: Shape) -> int:
        """Count four projections, and the two products of attention."""
        q, k, v = xs
        c, products = q.channels, 2 * q.numel * k.sizes[0]
        return (2 * q.numel + k.numel + v.numel) * c + products

    def backward(self, *xs: Shape, learned: Sequence[bool]) -> Backward:
        """Keep what is projected, and the projections; dropout takes the weights one by one."""
        q, k, v = xs
        projected = q.numel + k.numel + v.numel
        if not self.dropout:
            own = kernel(self.heads, q)
            held = own.bytes + FLOAT * (projected + q.numel)
            return replace(own, output=False, bytes=held)
        weights = self.heads * q.sizes[0] * k.sizes[0]
        copies = q.numel + k.numel  # of queries and keys times a scale
        held = projected + copies + q.numel + 3 * weights  # weights, who stays, what is left
        return Backward((0, 1, 2), bytes=FLOAT * held, way=MATH)

    def sees(self, *xs: Shape) -> Windows:
        """See every token."""
        return EVERYTHING

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.MultiheadAttention."""
        head = (use.channels[0], use.heads)
        rest = options(cls, use, "dropout", "bias")
        return spell("nn.MultiheadAttention", *head, **rest, batch_first=(True, False))

    @classmethod
    def call(cls, module: str, *xs: str) -> str:
        """Spell the call, of whose results the second, the weights, is not asked for."""
        return f"{module}({', '.join(xs)}, need_weights=False)[0]"


def expect_heads(op: Op, heads: int, x: Shape, culprit: int) -> None:
    """Raise unless the channels of x fall into heads."""
    if x.sizes[-1] % heads:
        near = " and ".join(map(str, nearest_divisors(x.sizes[-1], heads)))
        verb = "is" if " and " not in near else "are"
        raise ShapeFault(
            "heads-do-not-divide",
            f"`{op.name}` can't cut {x.sizes[-1]} channels into {heads} heads",
            f"the nearest that divides {x.sizes[-1]} {verb} {near}",
            culprit,
            "heads",
        )
