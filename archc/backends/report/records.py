"""What the page says of a box when somebody points at it: shapes, counts, the line of the spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from archc.backends.report.contexts import NodeContext
from archc.backends.tables.columns import field_text, stride_text
from archc.diagnostics import Source, Span
from archc.graph import Node
from archc.passes.conventions import CONVENTIONS

Record = dict[str, Any]


@dataclass
class Records:
    """All records of a page by their key, and the sources that their places are in."""

    found: dict[str, Record] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)

    def add(self, title: str, place: NodeContext, nodes: Sequence[Node], **more: Any) -> str:
        """Take in what stands at a place, with nodes that are counted together; return its key.

        What comes out is said of the last value of the place, `last` where that is another's.
        """
        last: NodeContext = more.pop("last", place)
        given = last.node.outputs
        record = {
            "title": title,
            "path": place.path,
            "input": ", ".join(map(str, place.node.shapes)) or "nothing",
            "output": ", ".join(str(value.shape) for value in given),
            "params": CONVENTIONS["params"].total(nodes),
            "macs": CONVENTIONS["macs"].total(nodes),
            "field": field_text(last.windows),
            "stride": stride_text(last.windows, given[0].shape),
            "at": self.at(place.node.span),
            **{key: value for key, value in more.items() if value},
        }
        return self.put(record)

    def put(self, record: Record) -> str:
        """Take a record in as it is; return its key."""
        key = f"k{len(self.found)}"
        self.found[key] = record
        return key

    def at(self, span: Span) -> list[int]:
        """Return a place as the page knows it: the number of its source, first and last line."""
        if span.source not in self.sources:
            self.sources.append(span.source)
        last = span.end_line - (span.end_column == 1 and span.end_line > span.line)
        return [self.sources.index(span.source), span.line, last]
