"""What a spec says of the publication: the paper, and its figures as printed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from archc.language.figures import Figure, Listing, figure
from archc.language.model import Model
from archc.language.scalars import Name, Value, Word, described, text_of
from archc.language.source import Items, Mapping, Text


def _headings(value: Any) -> Any:
    """Take a list of columns too, each under its own name."""
    if isinstance(value, Items):
        names = [text_of(v) for v in value]
        return Mapping({name: name for name in names})
    if not isinstance(value, Mapping):
        raise PydanticCustomError("not_columns", "must be a list of columns, or say their titles")
    return value


Headings = Annotated[
    dict[Word, Word],
    BeforeValidator(_headings, json_schema_input_type=dict[Word, Word] | tuple[Word, ...]),
]


class Paper(Model):
    """Where the network was published."""

    title: Word
    arxiv: Word | None = None
    year: Word | None = None
    table: Value | None = None
    figure: Value | None = None
    section: Value | None = None
    url: Word | None = None
    variants: tuple[Name, ...] = Field((), description="those that its table shows")
    by: Literal["stage", "run", "block", "layer", "variant"] | None = Field(
        None, description="what its table has a row for; if left out, a column for each variant"
    )
    columns: Headings = Field(
        default_factory=dict, description="the columns of its rows, and what it calls them"
    )
    rows: dict[Word, Word] = Field(
        default_factory=dict,
        description="what it calls a stage, a step or a block: `layer{k}: Stage {k}`",
    )

    @model_validator(mode="after")
    def _rows_for_columns(self) -> Self:
        if self.columns and self.by is None:
            raise PydanticCustomError(
                "columns_without_by", "has `columns` without `by`, which says what its rows are"
            )
        return self

    @property
    def of_one(self) -> bool:
        """Whether its table is about one network."""
        return self.by not in (None, "variant")


def _figure(value: Any) -> Figure:
    text = text_of(value)
    read = figure(text, text.span)
    if read is None:
        raise PydanticCustomError(
            "not_a_figure",
            "`{text}` is no figure as papers print them: `0.27M`, `1.8x10^9`, `3.6 billion`, `25,557,032`",
            {"text": str(text)},
        )
    return read


def _listing(value: Any) -> Listing:
    if not isinstance(value, Items) or not all(
        isinstance(v, Text) and v.isdecimal() for v in value
    ):
        raise PydanticCustomError("not_counts", "must be a list of whole numbers")
    return Listing(f"[{', '.join(value)}]", value.span, tuple(map(int, value)))


Printed = Annotated[
    Figure, PlainValidator(_figure), described("a figure as printed: `0.27M`, `1.8x10^9`")
]
Counts = Annotated[
    Listing,
    PlainValidator(_listing),
    described("whole numbers", {"type": "array", "items": {"type": "integer"}}),
]
COUNTED = ("params", "macs")
FIGURES = (*COUNTED, "depth", "sizes", "blocks", "widths", "layers", "projections")


class Claim(Model):
    """Published figures as printed, where they stand, and how they were counted."""

    params: Printed | None = Field(None, description="parameters")
    macs: Printed | None = Field(None, description="multiply-adds")
    depth: Printed | None = Field(None, description="weighted layers on the longest path")
    sizes: Counts | None = Field(None, description="sizes of the maps, in order")
    blocks: Counts | None = Field(None, description="blocks by stage")
    widths: Counts | None = Field(None, description="channels by stage")
    layers: Counts | None = Field(None, description="weighted layers by size of the map")
    projections: Printed | None = Field(None, description="weighted layers on shortcuts")
    convention: Name | None = Field(None, description="a convention by name: `macs`, `he2015`, ...")
    digits: Literal["rounded", "truncated"] | None = Field(
        None, description="how digits were cut, where not as the convention has it"
    )
    where: Word | None = Field(None, description="table, figure or section")
    unreproducible: Word | None = Field(None, description="why honest counting does not give it")

    @model_validator(mode="after")
    def _whose(self) -> Self:
        if not self.figures:
            raise PydanticCustomError(
                "no_figure", "states no figure: {known}", {"known": ", ".join(FIGURES)}
            )
        counted = [name for name in self.figures if name in COUNTED]
        if len(counted) != 1 and self.digits:
            raise PydanticCustomError(
                "whose", "says how digits were cut, so it must state either `params` or `macs`"
            )
        if self.unreproducible and len(self.figures) > 1:
            raise PydanticCustomError(
                "whose", "is unreproducible, so it must state one figure alone"
            )
        return self

    @property
    def figures(self) -> dict[str, Figure | Listing]:
        """The figures by what they count."""
        stated = {name: getattr(self, name) for name in FIGURES}
        return {name: value for name, value in stated.items() if value is not None}


Claims = Annotated[
    tuple[Claim, ...],
    BeforeValidator(
        lambda v: Items([v]) if isinstance(v, Mapping) else v,
        json_schema_input_type=Claim | tuple[Claim, ...],
    ),
]
