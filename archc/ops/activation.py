"""Activations: functions of each element, and softmax, a function of each row."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archc.ops.backward import Saves
from archc.ops.base import (
    VARIES,
    Op,
    ShapeFault,
    Tensor,
    TwoForms,
    Use,
    spell,
)
from archc.ops.facts import Facts
from archc.ops.faults import expect_dim
from archc.ops.texts import axis, options
from archc.shapes import Shape

Above = Annotated[float, Field(gt=0)]


class Activation(TwoForms):
    """What activations share: a module and a function with the same arguments."""

    activation = True
    unbatched = "kept"
    saves: ClassVar[Saves] = "inputs"

    in_place: ClassVar[bool] = False
    """Whether PyTorch can write the result over the input."""

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        keywords = options(cls, use, *cls.model_fields)
        return spell(name, *xs, **keywords, inplace=(use.inplace and cls.in_place, False))


class Relu(Activation):
    """max(0, x)."""

    name = "relu"
    aliases = ("rectifier",)
    saves = "output"
    in_place = True
    torch_module = "nn.ReLU"
    torch_function = "F.relu"


class Relu6(Activation):
    """min(max(0, x), 6)."""

    name = "relu6"
    in_place = True
    torch_module = "nn.ReLU6"
    torch_function = "F.relu6"


class LeakyRelu(Activation):
    """x above 0, negative_slope * x below."""

    name = "leaky_relu"
    aliases = ("lrelu",)
    in_place = True
    torch_module = "nn.LeakyReLU"
    torch_function = "F.leaky_relu"

    # In place, PyTorch tells the sign of x by that of the result.
    negative_slope: Annotated[float, Field(ge=0)] = 0.01


class Elu(Activation):
    """x above 0, alpha * (exp(x) - 1) below (arXiv:1511.07289)."""

    name = "elu"
    in_place = True
    torch_module = "nn.ELU"
    torch_function = "F.elu"

    alpha: Above = 1.0


class Selu(Activation):
    """ELU scaled so that mean 0 and variance 1 are a fixed point (arXiv:1706.02515)."""

    name = "selu"
    in_place = True
    torch_module = "nn.SELU"
    torch_function = "F.selu"


class Celu(Activation):
    """x above 0, alpha * (exp(x / alpha) - 1) below (arXiv:1704.07483)."""

    name = "celu"
    in_place = True
    torch_module = "nn.CELU"
    torch_function = "F.celu"

    alpha: Above = 1.0


class Gelu(Activation):
    """X times the normal distribution function of x (arXiv:1606.08415)."""

    name = "gelu"
    facts = Facts(abbreviation="GELU")
    aliases = (
        'GELUTanh() = gelu("tanh")',
        'GeluTanh() = gelu("tanh")',
    )
    torch_module = "nn.GELU"
    torch_function = "F.gelu"

    approximate: Literal["none", "tanh"] = "none"


class Silu(Activation):
    """X * sigmoid(x), also called swish (arXiv:1710.05941)."""

    name = "silu"
    facts = Facts(abbreviation="SiLU")
    aliases = ("swish",)
    in_place = True
    torch_module = "nn.SiLU"
    torch_function = "F.silu"


class Mish(Activation):
    """X * tanh(softplus(x)) (arXiv:1908.08681)."""

    name = "mish"
    in_place = True
    torch_module = "nn.Mish"
    torch_function = "F.mish"


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    facts = Facts(gate="opens")
    aliases = ("logistic",)
    saves = "output"
    torch_module = "nn.Sigmoid"
    torch_function = "torch.sigmoid"


class Tanh(Activation):
    """The hyperbolic tangent."""

    name = "tanh"
    saves = "output"
    torch_module = "nn.Tanh"
    torch_function = "torch.tanh"


class Hardswish(Activation):
    """X * relu6(x + 3) / 6 (arXiv:1905.02244)."""

    name = "hardswish"
    aliases = ("hswish",)
    in_place = True
    torch_module = "nn.Hardswish"
    torch_function = "F.hardswish"


class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    name = "hardsigmoid"
    facts = Facts(gate="opens")
    aliases = ("hsigmoid",)
    in_place = True
    torch_module = "nn.Hardsigmoid"
    torch_function = "F.hardsigmoid"


class Softplus(Activation):
    """log(1 + exp(beta * x)) / beta, and x itself where beta * x is above the threshold."""

    name = "softplus"
    torch_module = "nn.Softplus"
    torch_function = "F.softplus"

    beta: Above = 1.0
    threshold: float = 20.0


class Prelu(Op):
    """x above 0, a * x below, where a is learned: one, or one a channel (arXiv:1502.01852)."""

    name = "prelu"
    aliases = ("PReLU",)
    activation = True
    saves = "inputs"

    channelwise: bool = False
    init: float = 0.25

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape; PyTorch looks for channels in the dimension after the batch."""
        if self.channelwise and xs[0].layout[0] != "c":
            raise ShapeFault(
                "wrong-layout",
                f"`{self.name}` with `channelwise=true` takes channels that are first, "
                f"but gets `{xs[0].spelled}`",
                "`rearrange` changes the layout",
                0,
            )
        return xs[0]

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Own the slopes."""
        return {"weight": Tensor((xs[0].channels if self.channelwise else 1,))}

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell nn.PReLU, whose first argument is the number of slopes."""
        channels, flag = use.channels[0], use.channelwise
        several = (f"{channels} if {flag} else 1",) if flag.value is VARIES else (channels,)
        return spell("nn.PReLU", *(several if flag.value else ()), **options(cls, use, "init"))


class Softmax(Op):
    """Positive weights along a dimension that sum to 1."""

    name = "softmax"
    facts = Facts(gate="opens")
    aliases: ClassVar[tuple[str, ...]] = (
        "Softmax()",
        'Softmax2d() = softmax(dim="c")',
    )
    activation = True
    saves = "output"
    torch_module = "nn.Softmax"
    torch_function: ClassVar[str] = "F.softmax"

    dim: str = "c"

    def shape(self, *xs: Shape) -> Shape:
        """Keep the shape, which must have the dimension."""
        expect_dim(self, xs[0], self.dim)
        return xs[0]

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell the module, with the dimension's number."""
        return spell(cls.torch_module, dim=(axis(use.shapes[0], use.dim), None))

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function, with the dimension's number."""
        return spell(cls.torch_function, *xs, dim=(axis(use.shapes[0], use.dim), None))


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    name = "log_softmax"
    facts = Facts()
    aliases = ("LogSoftmax()",)
    torch_module = "nn.LogSoftmax"
    torch_function = "F.log_softmax"
