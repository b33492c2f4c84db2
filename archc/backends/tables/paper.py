"""The table that a spec's paper has, in the form that `paper:` says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archc.backends.tables.columns import UnknownName, reader
from archc.backends.tables.family import family, headline
from archc.backends.tables.glossary import Glossary
from archc.backends.tables.model import Table
from archc.backends.tables.network import table
from archc.backends.tables.row_selection import opened, select_rows
from archc.backends.tables.variants import described, variants
from archc.diagnostics import Diagnostic, nearest
from archc.graph import Network


def paper(networks: Sequence[Network], convention: str | None = None) -> Table:
    """Return the table of a spec's paper, of variants of it.

    Without `by` it has a column for each network, by variant a row for each. By stage, run,
    block or layer it is of one network, and several have a column each here too.
    """
    paper = networks[0].document.paper
    columns = {str(name): str(title) for name, title in paper.columns.items()} if paper else {}
    if paper and paper.by == "variant":
        return variants(networks, columns, convention)
    if paper is None or paper.by is None or len(networks) > 1:
        return family(networks, convention)
    made = table(networks[0], paper.by, columns, convention, bare=True)
    return replace(made, title=headline(networks[:1]))


def misprinted(networks: Sequence[Network]) -> Iterator[Diagnostic]:
    """Yield what `paper:` says of columns and rows and none of the networks has."""
    document = networks[0].document
    paper = document.paper
    columns, by = (paper.columns, paper.by) if paper else ({}, None)
    for name in columns:
        try:
            _column(networks[0], str(name), str(by))
        except UnknownName as error:
            yield Diagnostic("unknown-column", error.message, name.span, help=error.help)
    known = {name for network in networks for name in _names(network) if not name.isdecimal()}
    for name, pattern, _ in Glossary(document).patterns:
        if not any(map(pattern.fullmatch, known)):
            message = f"no variant has a stage, a step or a block `{name}`"
            hint = nearest(name, known) or "`rows` says what the paper calls what is in this file"
            yield Diagnostic("unknown-row", message, name.span, help=hint)


def _column(network: Network, name: str, by: str) -> None:
    """Raise UnknownName where a table has no such column."""
    if by == "variant":
        described(name, network)
    else:
        reader(name, select_rows(network, by))


def _names(network: Network) -> Iterator[str]:
    """Yield all names that a paper may have another one for."""
    yield from (stage.name for stage in network.stages)
    yield from (module.name for module in network.modules if not module.is_network)
    for leaf in opened(network.root.nodes):
        yield from (leaf.path, leaf.path.rpartition(".")[2])
