"""The table of the variants of a family: a row a network, with its params and its counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from archc.backends.tables.columns import TITLES, ColumnReader, explain, one_of
from archc.backends.tables.family import headline
from archc.backends.tables.glossary import shown
from archc.backends.tables.model import Cell, Table
from archc.backends.tables.network import MEANING, arranged, headed
from archc.graph import Network
from archc.passes.conventions import CONVENTIONS

DEFAULT = ("variant", "input", "params", "macs")
OWN: dict[str, Callable[[Network], Cell]] = {
    "variant": lambda network: network.name,
    "input": lambda network: network.input,
    "output": lambda network: network.output,
}


def variants(
    networks: Sequence[Network],
    columns: Sequence[str] | Mapping[str, str] = (),
    convention: str | None = None,
    sort: str | None = None,
) -> Table:
    """Return the table with a row for each network; a name that is not known raises UnknownName.

    Columns are `variant`, `input`, `output`, what the spec has under `params` and `let`, and
    every convention; where a param is called as a convention, the param is meant.
    """
    titles = headed(columns or DEFAULT, convention)
    readers = {key: described(key, networks[0]) for key in (*titles, *([sort] if sort else []))}
    return arranged(headline(networks), titles, readers, networks, [MEANING], sort)


def described(key: str, network: Network) -> ColumnReader:
    """Return a column by its name."""
    document = network.document
    own = [str(name) for name in (*document.params, *document.let)]
    one_of(key, (*OWN, *own, *CONVENTIONS), "column")
    if key in OWN:
        return ColumnReader(key, lambda networks: [OWN[key](n) for n in networks])
    if key in own:
        return ColumnReader(
            key, lambda networks: [shown(n.root.scope[key]) for n in networks], number=True
        )
    return ColumnReader(
        TITLES.get(key, key),
        lambda networks: [_count(key, n) for n in networks],
        number=True,
        note="" if key in TITLES else explain(key),
    )


def _count(convention: str, network: Network) -> Cell:
    count = CONVENTIONS[convention].count(network)
    return count if isinstance(count, int) else str(count)
