"""Which networks of the zoo have keys and shapes like these: a small sketch of each is kept.

A sketch is the least hashes of a set: of two sketches one sees how alike the sets are (Broder
1997), without either. So finding the network of a checkpoint needs no compiling of the zoo;
the few that are likely are compiled and compared in full. The file of the sketches is a
golden of the tests, and names the text of each spec by its digest.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from zlib import crc32

from archc import zoo
from archc.escaping import json_text

Shapes = Mapping[str, tuple[int, ...]]
Sizes = tuple[int, ...]
Sketch = tuple[int, ...]

LEAST = 24
FILE = Path(__file__).with_name("zoo.json")
LIBRARY = FILE.parent.parent / "library" / "prelude.yaml"


def sketch(texts: Iterable[str]) -> Sketch:
    """Return the least hashes of some texts."""
    return tuple(sorted({crc32(text.encode("utf-8", "replace")) for text in texts})[:LEAST])


def sketches(shapes: Shapes) -> tuple[Sketch, ...]:
    """Return the sketches of keys with their shapes, of the keys alone, and of the shapes alone."""
    keyed = sketch(f"{key} {tuple(shape)}" for key, shape in shapes.items())
    counted = sketch(f"{shape} {n}" for shape, n in numbered(shapes))
    return keyed, sketch(shapes), counted


def numbered(shapes: Shapes) -> list[tuple[Sizes, int]]:
    """Return the shapes without their 1s, each with how many like it came before."""
    seen: Counter[Sizes] = Counter()
    found: list[tuple[Sizes, int]] = []
    for shape in shapes.values():
        plain = tuple(size for size in shape if size != 1)
        if plain:
            found.append((plain, seen[plain]))
            seen[plain] += 1
    return found


def alike(a: Sketch, b: Sketch) -> float:
    """Return how much of both sets is in each, from 0 to 1, as their sketches show it."""
    union = sorted({*a, *b})[:LEAST]
    both = {*a} & {*b}
    return sum(h in both for h in union) / max(len(union), 1)


@cache
def index() -> Mapping[str, tuple[Sketch, ...]]:
    """Return the sketches of every network of the zoo."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["networks"]
    return {name: tuple(map(tuple, row)) for name, row in rows.items()}


def ranked(shapes: Shapes, *, keyed: bool = True) -> list[tuple[float, str]]:
    """Return every network of the zoo that is like these, the likeliest first; from 0 to 1.

    `keyed`: by keys and shapes, else by the shapes alone, whatever the keys are.
    """
    own = sketches(shapes)
    parts = (0, 1) if keyed else (2,)
    scores = [
        (sum(alike(own[k], known[k]) for k in parts) / len(parts), name)
        for name, known in index().items()
    ]
    return sorted((score for score in scores if score[0]), key=lambda s: (-s[0], s[1]))


def digests() -> dict[str, str]:
    """Return a digest of the text of every spec of the zoo, and of the library."""
    files = (*zoo.files(), LIBRARY)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}


def written(shapes_of: Callable[[str], Shapes], *, anew: bool = False) -> str:
    """Return the text of the file, a line for each network; `anew` also of specs as they were."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"specs": {}}
    now, before = digests(), {} if anew else known["specs"]
    library = before.get(LIBRARY.name) == now[LIBRARY.name]
    stays = {name for name, digest in now.items() if library and before.get(name) == digest}
    rows = {
        name: known["networks"][name] if path.name in stays else sketches(shapes_of(name))
        for name, path in zoo.index().items()
    }
    lines = [f"{json_text(name, None)}: {json_text(row, None)}" for name, row in rows.items()]
    return f'{{"specs": {json_text(now, None)},\n"networks": {{\n' + ",\n".join(lines) + "\n}}\n"
