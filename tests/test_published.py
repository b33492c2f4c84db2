"""The ledger of published figures: each is a claim of some spec and holds, or says why not."""

from __future__ import annotations

from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml

import archc
from archc import api, zoo
from archc.language.document import document
from archc.language.published import FIGURES
from archc.language.reading import read
from archc.passes import Verdict

LEDGER = (Path(__file__).parent / "published.yaml").read_text(encoding="utf-8")
PAPERS: list[dict[str, Any]] = yaml.load(LEDGER, yaml.BaseLoader)  # noqa: S506  # texts as printed

pytestmark = pytest.mark.xdist_group("published")  # one worker judges all claims, once

KNOWN = {p["arxiv"] for p in PAPERS if "arxiv" in p}
ENTRIES = [(p, entry) for p in PAPERS for entry in p["figures"]]
CLAIMED = [
    (paper, entry, quantity)
    for paper, entry in ENTRIES
    for quantity in FIGURES
    if quantity in entry and "reason" not in entry
]


@cache
def paper_of(path: Path) -> str:
    paper = document(read(path)).paper
    return str(paper.arxiv or "") if paper else ""


def place(paper: dict[str, Any], entry: dict[str, Any], path: Path) -> str:
    """Return where a spec's claim says that a figure stands: with its paper, if of another one."""
    if "arxiv" not in paper:
        return str(paper["paper"])
    own = paper["arxiv"] == paper_of(path)
    return entry["where"] if own else f"arXiv {paper['arxiv']}, {entry['where']}"


def printed(figure: str | list[str]) -> str:
    return figure if isinstance(figure, str) else f"[{', '.join(figure)}]"


def name(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return str(value.get("paper") or f"{value.get('where', '')} {value['model']}")


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, ...], Verdict]:
    """Return every verdict of the zoo by variant, place, quantity and figure."""
    found = [v for path in zoo.files() for v in api.judge_claims(path)]
    return {(v.variant, v.where, v.quantity, v.figure.text): v for v in found}


@pytest.mark.parametrize(("paper", "entry", "quantity"), CLAIMED, ids=name)
def test_figure(
    paper: dict[str, Any],
    entry: dict[str, Any],
    quantity: str,
    verdicts: dict[tuple[str, ...], Verdict],
) -> None:
    """Each figure is a claim as printed, which holds, or is marked with the reason."""
    path = zoo.find(entry["variant"])
    assert path is not None
    where = place(paper, entry, path)
    verdict = verdicts[entry["variant"], where, quantity, printed(entry[quantity])]

    expected = "unreproducible" if quantity in entry.get("unreproducible", ()) else "holds"
    assert verdict.outcome == expected


def test_every_claim_is_a_figure(verdicts: dict[tuple[str, ...], Verdict]) -> None:
    """The specs claim nothing of these papers that they do not print."""
    known = {
        (entry["variant"], place(paper, entry, path), quantity, printed(entry[quantity]))
        for paper, entry, quantity in CLAIMED
        if (path := zoo.find(entry["variant"]))
    }
    cited = tuple(f"arXiv {arxiv}, " for arxiv in KNOWN)
    wrong = []
    for key in verdicts.keys() - known:
        path = zoo.find(key[0])
        own = path is not None and paper_of(path) in KNOWN and is_place(key[1])
        if own or key[1].startswith(cited):
            wrong.append(key)

    assert sorted(wrong) == []


def is_place(where: str) -> bool:
    """Whether a claim names a place of its spec's own paper."""
    return where.startswith(("Table", "Fig", "Sec", "README"))


@cache
def compiled(variant: str, **settings: str) -> archc.Architecture:
    return archc.compile(variant, **settings)


FACTS = [(p, e) for p, e in ENTRIES if {"exact", "shapes", "ops"} & e.keys()]


@pytest.mark.parametrize(("paper", "entry"), FACTS, ids=name)
def test_facts(paper: dict[str, Any], entry: dict[str, Any]) -> None:  # noqa: ARG001
    """Exact counts of others, shapes of tensors, and the ops of a unit in their order."""
    network = compiled(entry["variant"], **entry.get("settings", {}))
    shapes = network.state_dict_shapes()
    expected, actual = {}, {}
    for quantity, count in entry.get("exact", {}).items():
        expected[quantity], actual[quantity] = int(count), getattr(network, quantity)
    for key, sizes in entry.get("shapes", {}).items():
        expected[key], actual[key] = tuple(map(int, sizes)), shapes[key]
    for module, wanted in entry.get("ops", {}).items():
        leaves = network.network.root.leaves()
        found = [leaf.node for leaf in leaves if leaf.path.startswith(f"{module}.")]
        expected[module] = wanted
        pairs = zip_longest(found, wanted, fillvalue="")
        actual[module] = [spelled(n) if "(" in w else getattr(n, "name", n) for n, w in pairs]

    assert actual == expected


def spelled(node: Any) -> str:
    """Spell an op with the numbers that it was given: `scale(0.5)`."""
    return f"{node.name}({', '.join(f'{v:g}' for v in node.op.model_dump().values())})"


@pytest.mark.parametrize(("paper", "entry"), ENTRIES, ids=name)
def test_no_figure_is_left_out(paper: dict[str, Any], entry: dict[str, Any]) -> None:
    """Each entry is held by something: a claim, a fact, or the reason why no spec has it."""
    held = {*FIGURES, "exact", "shapes", "ops"} & entry.keys()
    known = {
        *FIGURES, "where", "model", "variant", "unreproducible", "exact", "settings",
        "shapes", "ops", "recalled", "reason",
    }  # fmt: skip

    assert held
    assert set(entry) <= known
    assert ("reason" in entry) != ("variant" in entry)
    assert ("where" in entry) == ("arxiv" in paper)
