"""A spec as frozen pydantic models: what may stand where. Meaning comes later, in `lower`.

The models validate the tree that `source` makes. pydantic's complaints become
diagnostics at the key or the value that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    RootModel,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from archc.diagnostics import Diagnostic, Source
from archc.language.expr import Expr
from archc.language.model import Model
from archc.language.published import Claims, Paper
from archc.language.scalars import (
    BLOCK_WORDS,
    MODIFIERS,
    BlockKey,
    Expression,
    InputName,
    Key,
    LoopText,
    Name,
    Signature,
    StepKey,
    Value,
    Word,
    described,
    expression,
    reject,
    text_of,
)
from archc.language.source import Items, Mapping, Text


class Chain(RootModel[Annotated[tuple["Step", ...], Field(min_length=1)]]):
    """A list of steps: an nn.Sequential, its steps named 0, 1, ..."""

    model_config = ConfigDict(frozen=True)


class Body(RootModel[Annotated[dict[StepKey, "Step"], Field(min_length=1)]]):
    """Named steps, in the order of the text."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


Initialisers = Annotated[
    dict[
        Name,
        Annotated[
            Any,
            BeforeValidator(
                lambda v: Rule.model_validate(v) if isinstance(v, Mapping) else expression(v)
            ),
            described("an initialiser", {}),
        ],
    ],
    Field(description="by tensor (`weight`, `bias`), or by op kind and tensor"),
]


class Rule(RootModel[dict[Name, Expression]]):
    """The initialisers of one op kind, by tensor: `{weight: kaiming_normal(fan_out)}`."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Modified(Model):
    """A step under `do:`, with what changes when, how often and on what it runs."""

    do: Step
    condition: Expression | None = Field(
        None, alias="if", description="the step is absent where false"
    )
    otherwise: Step | None = Field(
        None, alias="else", description="the step taken where `if` is false"
    )
    source: Expression | None = Field(None, alias="from", description="what the step takes")
    repeat: LoopText | None = Field(None, description="copies one after the other")
    each: LoopText | None = Field(None, alias="for", description="copies side by side")
    init: Initialisers | None = Field(None, description="initialisers of this step")
    stage: StepKey | None = Field(None, description="marks the step as a stage of this name")

    @model_validator(mode="after")
    def _one_of_a_kind(self) -> Self:
        if self.otherwise is not None and self.condition is None:
            raise PydanticCustomError("else_without_if", "has `else` without `if`")
        if self.repeat is not None and self.each is not None:
            raise PydanticCustomError(
                "two_loops", "has both `repeat` and `for`: put one inside the other's `do`"
            )
        return self


class Row(Model):
    """A row of `stages:`: a block, how often, its stride, and its arguments by name."""

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)
    __pydantic_extra__: dict[str, Value]

    block: Expression
    depth: Expression | None = None
    first: dict[Name, Value] | None = Field(None, description="arguments of the first copy")
    last: dict[Name, Value] | None = Field(None, description="arguments of the last copy")
    repeat: LoopText | None = None
    condition: Expression | None = Field(None, alias="if")
    init: Initialisers | None = None
    stage: StepKey | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _keep_places(cls, value: Any, handler: Callable[[Any], Row]) -> Row:
        """Keep the keys of the arguments as they are in the text: pydantic makes plain text of them."""
        row = handler(value)
        extra = row.__pydantic_extra__ or {}
        object.__setattr__(row, "__pydantic_extra__", {k: extra[k] for k in value if k in extra})
        return row

    @property
    def arguments(self) -> dict[Text, Any]:
        """The block's arguments by name, as written."""
        extra: dict[Any, Any] = self.__pydantic_extra__ or {}
        return dict(extra)


def _step_kind(value: Any) -> str:
    if isinstance(value, Text):
        return "expression"
    if isinstance(value, Items):
        return "list"
    if isinstance(value, Mapping):
        return "do" if "do" in value or any(word in value for word in MODIFIERS) else "body"
    return "expression"


def slip_for(word: str, tree: Mapping) -> Text | None:
    """Return the key of a mapping that is a slip for one that it has not: `blok`."""
    if word in tree:
        return None
    near = get_close_matches(word, tree, n=1, cutoff=0.75)
    return tree.key(near[0]) if near else None


def _stage_kind(value: Any) -> str:
    if not isinstance(value, Mapping) or "do" in value:
        return _step_kind(value)
    return "row" if "block" in value or slip_for("block", value) else _step_kind(value)


_AnyStep = (
    Annotated[Expression, Tag("expression")]
    | Annotated[Chain, Tag("list")]
    | Annotated[Modified, Tag("do")]
    | Annotated[Body, Tag("body")]
)
Step = Annotated[_AnyStep, Discriminator(_step_kind)]
Stage = Annotated[_AnyStep | Annotated[Row, Tag("row")], Discriminator(_stage_kind)]
AnyStep = Expr | Chain | Body | Modified | Row


class Output(Model):
    """A value that a network gives, and whether only training needs it."""

    value: Expression
    when: Literal["always", "training"] = "always"


def _output(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"value": value}


Outputs = dict[Name, Annotated[Output, BeforeValidator(_output)]]


def _listed_outputs(value: Any) -> Any:
    if isinstance(value, Items):
        return {Text.at(f"_{k}", t.span): t for k, t in enumerate(text_of(v) for v in value)}
    return value


def _output_names(value: Any) -> Any:
    """Name the outputs that a network lists as the steps are called."""
    if isinstance(value, Items):
        texts = [text_of(v) for v in value]
        first = {t: k for k, t in reversed(list(enumerate(texts)))}
        plain = [t.isidentifier() and first[t] == k for k, t in enumerate(texts)]
        named = enumerate(zip(texts, plain, strict=True))
        return {t if own else Text.at(f"_{k}", t.span): t for k, (t, own) in named}
    return value


class Import(Model):
    """Another file: one of the zoo by the name of a network, or a path from this file's folder."""

    network: Word = Field(description="a network of the zoo, or the path of a file")
    variant: Name | None = Field(None, description="the variant that is meant, where several are")
    outputs: tuple[Word, ...] | None = Field(None, description="the stages or steps that it gives")


Imports = dict[
    Name,
    Annotated[
        Import,
        BeforeValidator(
            lambda v: v if isinstance(v, Mapping) else {"network": v},
            json_schema_input_type=Import | str,
        ),
    ],
]


class Param(Model):
    """A knob of a file: its default, and where not every value will do, what it may be."""

    default: Value
    one_of: Annotated[tuple[Value, ...], Field(min_length=1)] | None = Field(
        None, description="all that it may be"
    )
    at_least: Expression | None = Field(
        None, alias="min", description="the least that it, or an entry of it, may be"
    )
    at_most: Expression | None = Field(
        None, alias="max", description="the most that it, or an entry of it, may be"
    )
    length: Expression | None = Field(None, description="how many entries the list has")

    @property
    def limits(self) -> tuple[Any, ...]:
        """What it may be: the expressions that say so, those of `one_of` in their list."""
        limits = (self.one_of, self.at_least, self.at_most, self.length)
        return tuple(limit for limit in limits if limit is not None)


def _param(value: Any) -> Any:
    """Take what is no mapping for the default; a mapping without a key of ours is a wrong one."""
    if not isinstance(value, Mapping):
        return {"default": value}
    if value.keys().isdisjoint(f.alias or name for name, f in Param.model_fields.items()):
        raise PydanticCustomError(
            "not_a_value", "must be a number, a name, a list, or a mapping with its `default`"
        )
    return value


Params = dict[Name, Annotated[Param, BeforeValidator(_param, json_schema_input_type=Param | Value)]]


class Knobs(Model):
    """What has params."""

    declared: Params = Field(default_factory=dict, alias="params")

    @property
    def params(self) -> dict[Text, Any]:
        """The defaults of the params, by name."""
        return {name: param.default for name, param in self.declared.items()}


OpFiles = Annotated[
    tuple[Word, ...],
    Field(description="Python files with ops, run only where that is allowed"),
]


class Block(Model):
    """A block: an op written in YAML."""

    let: dict[Name, Value] = Field(default_factory=dict, description="derived values")
    inputs: tuple[InputName, ...] = Field((Text("x"),), description="the values that it takes")
    outputs: Annotated[Outputs, BeforeValidator(_listed_outputs)] | None = Field(
        None, description="the values that it gives"
    )
    body: Step

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return {"body": value}
        rest = Mapping({k: v for k, v in value.items() if k not in BLOCK_WORDS})
        rest.span = value.span
        return {str(k): v for k, v in value.items() if k in BLOCK_WORDS} | {"body": rest}


def _sizes(value: Any) -> Any:
    """Take a single text for the only size, unless it spells several as no list does."""
    if not isinstance(value, Text):
        return value
    if numbers := re.fullmatch(r"\(?\s*(\d+)\s*[x×*, ]\s*(\d+)\s*[x×*, ]\s*(\d+)\s*\)?", value):
        hint = f"write `[{', '.join(numbers.groups())}]`"
        message = f"`{value}` is no list of sizes"
        raise reject(Diagnostic("bad-input", message, value.span, help=hint))
    return (value,)


class Document(Knobs):
    """A spec, whole."""

    archc: Annotated[Literal["1"], described("version of the language", {"enum": [1, "1"]})]
    name: Name
    default: Name | None = None
    paper: Paper | None = None
    input: Annotated[
        tuple[Expression, ...],
        Field(min_length=1),
        BeforeValidator(_sizes, json_schema_input_type=list[Expression] | Expression),
    ]
    ops: OpFiles = ()
    imports: Imports = Field(default_factory=dict, alias="import")
    variants: dict[Name, dict[Name, Value]] = Field(default_factory=dict)
    let: dict[Name, Value] = Field(default_factory=dict)
    defaults: dict[Name, dict[Name, Value]] = Field(default_factory=dict)
    init: dict[Name, Rule] = Field(default_factory=dict)
    blocks: dict[BlockKey, Block] = Field(default_factory=dict)
    stem: Body | None = None
    stages: dict[StepKey, Stage] | None = None
    head: Body | None = None
    body: Body | None = None
    outputs: Annotated[Outputs, BeforeValidator(_output_names)] | None = None
    claims: dict[Name, Claims] = Field(default_factory=dict)
    _linked: Any = PrivateAttr(None)  # what `lower.files` links its names with, found once
    _lost: frozenset[str] | None = PrivateAttr(
        None
    )  # the words of what was wrong, None where nothing was

    @model_validator(mode="after")
    def _has_a_body(self) -> Self:
        parts = [self.stem, self.stages, self.head]
        if (self.body is None) == all(part is None for part in parts):
            raise PydanticCustomError(
                "no_body", "a network has either `stem`, `stages` and `head`, or one `body`"
            )
        return self

    @property
    def source(self) -> Source:
        """The text of the file."""
        return self.name.span.source

    @property
    def steps(self) -> dict[Key, AnyStep]:
        """The steps of the network: stem, stages and head, or body, in one scope."""
        steps: dict[Key, AnyStep] = {}
        for part in (self.stem, self.stages, self.head, self.body):
            if part is not None:
                steps |= part.root if isinstance(part, Body) else part
        return steps

    def signature(self, name: str) -> Signature | None:
        """Return the signature of a block of this file."""
        return next((s for s in self.blocks if s.name == name), None)


class Library(Knobs):
    """A library file: blocks for other files, with what their text needs."""

    archc: Annotated[Literal["1"], described("version of the language", {"enum": [1, "1"]})]
    ops: OpFiles = ()
    imports: Imports = Field(default_factory=dict, alias="import")
    let: dict[Name, Value] = Field(default_factory=dict)
    defaults: dict[Name, dict[Name, Value]] = Field(default_factory=dict)
    blocks: Annotated[dict[BlockKey, Block], Field(min_length=1)]
    _linked: Any = PrivateAttr(None)
    _lost: frozenset[str] | None = PrivateAttr(None)

    @property
    def source(self) -> Source:
        """The text of the file."""
        source: Source = next(iter(self.blocks)).expr.text.span.source
        return source


for model in (Param, Chain, Body, Modified, Row, Block, Document, Library):
    model.model_rebuild()
