"""Paths of blocks as regular expressions, which do not grow with depth."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from archc.graph import Network

NUMBER = r"(\d+)"


def alternatives(paths: Iterable[str]) -> str:
    """Return an expression that one of several paths matches, as they are."""
    texts = [re.escape(path) for path in dict.fromkeys(paths)]
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"


def patterns(paths: Sequence[str], others: Collection[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Return expressions of paths, with what is put behind their numbers to keep their order.

    Paths that differ in numbers share one, whose numbers are groups, where no other path
    matches it and the numbers are in the order of the paths.
    """
    templates: dict[str, list[str]] = {}
    for path in paths:
        templates.setdefault(_template(path), []).append(path)
    taken = [(template, own) for template, own in templates.items() if _fits(template, own, others)]
    ordered = len(paths) == 1 or _in_order(paths, [template for template, _ in taken])
    if len(taken) == len(templates) and ordered:
        return [(template, ()) for template, _ in taken]
    return [(re.escape(path), (k,)) for k, path in enumerate(paths)]


def exactly(paths: Sequence[str], others: Collection[str]) -> str:
    """Return one expression that paths match as a whole, and nothing else of a network."""
    templates: dict[str, list[str]] = {}
    for path in paths:
        templates.setdefault(_template(path), []).append(path)
    found = []
    for template, own in templates.items():
        if _fits(template, own, others):
            found.append(template.replace(NUMBER, r"\d+"))
        elif template.endswith(NUMBER) and len({_holder(path) for path in own}) == 1:
            numbers = "|".join(path.removeprefix(_holder(path)) for path in own)
            found.append(f"{re.escape(_holder(own[0]))}(?:{numbers})")
        else:
            found += map(re.escape, own)
    return "|".join(found)


def _holder(path: str) -> str:
    return re.sub(r"\d+$", "", path)


def _template(path: str) -> str:
    return NUMBER.join(re.escape(text) for text in re.split(r"\d+", path))


def _fits(template: str, own: Sequence[str], others: Collection[str]) -> bool:
    return not any(re.fullmatch(template, path) for path in others if path not in own)


def _in_order(paths: Sequence[str], templates: Sequence[str]) -> bool:
    """Whether the numbers in paths, taken together, never go back."""
    keys = []
    for path in paths:
        found = next((m for t in templates if (m := re.fullmatch(t, path))), None)
        if found is None or not found.groups():
            return False
        keys.append(tuple(map(int, found.groups())))
    return keys == sorted(keys) and len(set(keys)) == len(keys)


def module_paths(network: Network) -> set[str]:
    """Return the path of everything in a network, blocks too."""
    found: set[str] = set()
    for leaf in network.root.leaves():
        parts = leaf.path.split(".")
        found |= {".".join(parts[:k]) for k in range(1, len(parts) + 1)}
    return found


def owning_paths(network: Network) -> set[str]:
    """Return the path of every op that owns tensors."""
    return {leaf.path for leaf in network.root.leaves() if leaf.node.tensors and leaf.path}
