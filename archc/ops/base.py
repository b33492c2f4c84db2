"""What an op is: its arguments, its shape rule, its tensors, its MACs and how PyTorch spells it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from archc.escaping import python_string
from archc.ops.backward import Backward, Saves
from archc.ops.facts import Facts
from archc.ops.papers import Style, generic
from archc.shapes import Shape
from archc.windows import Window, Windows


class ShapeFault(Exception):
    """An op that can't take its inputs; `culprit` is the input that the message is about.

    `argument` is the one to change, where the message is about an argument.
    """

    def __init__(
        self,
        code: str,
        message: str,
        help: str = "",
        culprit: int | None = None,
        argument: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.culprit = culprit
        self.argument = argument


@dataclass(frozen=True)
class Tensor:
    """A tensor that a module owns: a parameter, or a buffer such as a running mean."""

    shape: tuple[int, ...]
    trainable: bool = True

    @property
    def numel(self) -> int:
        """The number of elements."""
        total = 1
        for size in self.shape:
            total *= size
        return total


@dataclass(frozen=True)
class Py:
    """A Python expression of the emitted file.

    `value` is what it evaluates to where that is one thing in every use, else VARIES.
    `listed` says of one that varies that it is a pair or a list in some use, `optional` that
    it is None in some.
    """

    text: str
    value: Any = field(default=None)
    listed: bool = False
    optional: bool = False

    def __str__(self) -> str:
        return self.text

    @property
    def atom(self) -> str:
        """The text, in brackets unless it is a name, a number, a call or in brackets already."""
        tree = ast.parse(self.text, mode="eval").body
        lists = isinstance(tree, ast.List | ast.ListComp | ast.Tuple)
        plain = isinstance(tree, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript)
        return self.text if lists or plain or tree.col_offset > 0 else f"({self.text})"

    @staticmethod
    def of(value: object) -> Py:
        """Spell a constant, a string in the double quotes of formatted source."""
        text = python_string(value) if isinstance(value, str) else repr(value)
        return Py(text.replace("e+", "e") if isinstance(value, float) else text, value)


class Varies:
    """The value of an expression that differs between the uses of a class."""

    def __repr__(self) -> str:
        return "VARIES"


VARIES = Varies()


@dataclass(frozen=True)
class Use:
    """What an op's spelling may look at: its arguments and inputs as Python expressions.

    `args` has every field of the op. `channels` is the expression of the channels of each
    input; `shapes` are the inputs' shapes in one use of the class, for what does not differ
    between uses, such as the layout. `out_channels` are those of the result in that use.
    """

    args: Mapping[str, Py]
    channels: tuple[Py, ...] = ()
    shapes: tuple[Shape, ...] = ()
    out_channels: Py = Py("0", 0)
    inplace: bool = False

    def __getattr__(self, name: str) -> Py:
        try:
            return self.args[name]
        except KeyError:
            raise AttributeError(name) from None


def spell(function: str, *positional: object, **keywords: object) -> str:
    """Spell a call: a keyword is text, or a pair of a value and the default, which is left out."""
    parts = [str(p) for p in positional]
    parts += [f"{k}={v}" for k, v in keywords.items() if not isinstance(v, tuple)]
    for name, (value, default) in ((k, v) for k, v in keywords.items() if isinstance(v, tuple)):
        constant = value.value if isinstance(value, Py) else value
        if constant is VARIES or constant != default or type(constant) is not type(default):
            parts.append(f"{name}={value if isinstance(value, Py) else repr(value)}")
    return f"{function}({', '.join(parts)})"


Unbatched = Literal["kept", "lifted", "repeated"]


class Op(BaseModel):
    """An op with its arguments; a subclass is the one declaration of an op.

    The fields are the arguments in their positional order, with PyTorch's names and defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: ClassVar[str]
    """The op's name in a spec."""

    aliases: ClassVar[tuple[str, ...]] = ()
    """What others call it, for the help about an unknown name: see `synonyms`. PyTorch's names
    in `torch_module` and `torch_function` need not be repeated."""

    facts: ClassVar[Facts] = Facts()
    """What pictures, tables and passes know of it."""

    inputs: ClassVar[int | None] = 1
    """How many values it takes; None for any number, 0 for a source."""

    variadic: ClassVar[str] = ""
    """The field that takes all positional arguments as a tuple: `parameter(1, 64, 1, 1)`."""

    keywords: ClassVar[str] = ""
    """The field that takes all keywords that name no field, as a tuple of pairs: `g=2`."""

    layouts: ClassVar[tuple[str, ...]] = ()
    """The layouts that it takes, spelled with the batch dimension; () for all."""

    has_mode: ClassVar[bool] = False
    """Whether training and inference differ, so that it must stay a module (dropout)."""

    keeps_output: ClassVar[bool] = True
    """Whether the backward pass may need the op's output, or the output may be its input, so
    that nothing may overwrite it in place."""

    saves: ClassVar[Saves] = ""
    """Which of its values the backward pass needs."""

    unbatched: ClassVar[Unbatched] = "lifted"
    """What becomes of a value without a batch, such as a parameter: it is kept as it is, gets a
    dimension of 1 in front, or is repeated along the batch of another."""

    spread: ClassVar[bool] = False
    """Whether one value stands for all `inputs`: self-attention takes its input three times."""

    views: ClassVar[bool] = False
    """Whether the output shares its memory with the input."""

    reads: ClassVar[int | None] = None
    """How many of its values it reads, the first ones; the others give a size. None for all."""

    sized: ClassVar[bool] = False
    """Whether its spelling asks for the channels of its inputs though it owns no tensors."""

    weighted: ClassVar[bool] = False
    """Whether it counts as a layer where papers count depth: convolutions and linear layers."""

    gathers: ClassVar[bool] = False
    """Whether it takes a list of values as it is, however long, see `over`."""

    activation: ClassVar[bool] = False
    """Whether it is an activation, which ends a line of the emitted forward."""

    decisive: ClassVar[tuple[str, ...]] = ()
    """Arguments that decide how the op is spelled: a class can't have both ways."""

    registered: ClassVar[bool] = False
    """Whether no module of PyTorch holds its tensors, see `buffers`."""

    torch_module: ClassVar[str] = ""
    """The nn.Module that it is, where one takes just the op's arguments in their order."""

    torch_helper: ClassVar[str] = ""
    """The name of the helper (archc/ops/helpers.py) that its spelling always needs."""

    torch_file: ClassVar[str] = ""
    """Of a plug-in: the Python file beside it with the classes and functions that its spelling
    names. They are copied into the emitted file; archc never runs them from there."""

    definitions: ClassVar[Mapping[str, str]] = {}
    """Of a plug-in: what was found in `torch_file`, Python source by name."""

    @classmethod
    def label(cls) -> str:
        """Return the name for pictures and tables."""
        return cls.name

    def drawn(self, *xs: Shape) -> str:
        """Write the op in a picture: its name, and the arguments that matter to a reader."""
        own = self.facts.abbreviation if "facts" in vars(type(self)) else ""
        return own or generic(self, self.label())

    def tabled(self, style: Style, *xs: Shape) -> str:
        """Write the op in a paper's table; "" where such tables leave it out."""
        return ""

    def shape(self, *xs: Shape) -> Shape | tuple[Shape, ...]:
        """Return the output shape, or raise ShapeFault; several values are a tuple of shapes."""
        return xs[0]

    def rehearse(self, *xs: Shape) -> None:
        """Do nothing. A plug-in's op asks itself all that it declares, so that `check` hears it."""

    def batch(self, *xs: Shape) -> str:
        """Return what stands before the dimensions of the result, see `Shape.batch`."""
        found = {x.batch for x in xs}
        if "b" in found:
            return "b"
        return "" if self.unbatched == "kept" and found == {""} else "1"

    def features(self, x: Shape) -> int:
        """Return the size of an input that its tensors depend on: the channels."""
        return x.channels

    def tensors(self, *xs: Shape) -> dict[str, Tensor]:
        """Return the tensors that the op owns, by state_dict name, in PyTorch's order."""
        return {}

    def macs(self, *xs: Shape) -> int:
        """Return the multiply-adds for one sample."""
        return 0

    def saved_bytes(self, *xs: Shape) -> int:
        """Return the bytes that it makes for the backward pass, besides values, for one sample."""
        return 0

    def backward(self, *xs: Shape, learned: Sequence[bool]) -> Backward:
        """Return what the backward pass needs; `learned` says which values have a gradient."""
        inputs = tuple(range(len(xs))) if self.saves == "inputs" else ()
        return Backward(inputs, self.saves == "output", self.saved_bytes(*xs))

    def sees(self, *xs: Shape) -> Windows:
        """Return what a place of the output sees of its inputs.

        Its own place, unless told otherwise. The statistics of norms are left out.
        """
        return Window(), Window()

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell the module that PyTorch has for the op; "" where it has none."""
        if not cls.torch_module:
            return ""
        fields = cls.model_fields
        keywords = {n: (use.args[n], f.default) for n, f in fields.items() if not f.is_required()}
        positional = [use.args[n] for n, f in fields.items() if f.is_required()]
        return spell(cls.torch_module, *positional, **keywords)

    @classmethod
    def buffers(cls, use: Use) -> dict[str, str]:
        """Spell the buffers that it owns where no module of PyTorch has them, by name.

        The class of the step registers them; `function` takes them after the values.
        """
        return {}

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the op applied to values; "" where only its module will do."""
        return ""

    @classmethod
    def over(cls, use: Use, *xs: str) -> str:
        """Spell the op applied to values of which some, `*maps`, are lists however long."""
        text = cls.function(use, "first_", "second_")
        alone = xs[0].removeprefix("*") if len(xs) == 1 else f"[{', '.join(xs)}]"
        return text.replace("[first_, second_]", alone).replace("first_, second_", ", ".join(xs))

    @classmethod
    def helper(cls, use: Use) -> str:
        """Return the name of the helper that this use's spelling needs, or ""."""
        return cls.torch_helper

    @classmethod
    def call(cls, module: str, *xs: str) -> str:
        """Spell the application of the op's module, `self.conv1`, to values."""
        return f"{module}({', '.join(xs)})"


class TwoForms(Op):
    """An op that PyTorch has as a module and as a function, both with the same arguments."""

    torch_function: ClassVar[str]

    @classmethod
    def spelled(cls, name: str, use: Use, *xs: str) -> str:
        """Spell one of the two, by its name, with the values that the function takes first."""
        raise NotImplementedError

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell the nn module."""
        return cls.spelled(cls.torch_module, use)

    @classmethod
    def function(cls, use: Use, *xs: str) -> str:
        """Spell the function of torch.nn.functional."""
        return cls.spelled(cls.torch_function, use, *xs)


def _misnamed(op: Op, x: Shape) -> str:
    """Say which dimension bears a name of the user's own where the op takes one that it knows."""
    own = x.spelled.split()
    for layout in op.layouts:
        names = layout.split()
        odd = [(a, b) for a, b in zip(own, names, strict=False) if a != b]
        if len(own) == len(names) and len(odd) == 1 and not {odd[0][0]} & {*"bchwn"}:
            (name, wanted) = odd[0]
            return (
                f"the pattern that made it calls a dimension `{name}`: call it `{wanted}` there, "
                f"a group `({wanted} ...)`"
            )
    return ""


def expect_layout(op: Op, x: Shape) -> None:
    """Raise ShapeFault unless the op takes the layout of x."""
    if op.layouts and x.spelled not in op.layouts:
        takes = " or ".join(f"`{layout}`" for layout in op.layouts if layout[0] == "b")
        hint = {
            "b c h w": "a map becomes a vector by `flatten` or `global_avg_pool`",
            "b c": "a vector has no height and width any more: apply it before `flatten`",
            "b c w h": "`transpose` swaps height and width, and gives a map",
        }.get(x.spelled, _misnamed(op, x) or "`rearrange` changes the layout")
        raise ShapeFault(
            "wrong-layout", f"`{op.name}` takes {takes}, but gets `{x.spelled}`", hint, 0
        )
