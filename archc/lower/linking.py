"""Imports: the files that a file reads, and the blocks that it knows through them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from archc import zoo
from archc.diagnostics import Diagnostic, Source, Span, SpecError, nearest, spec_error
from archc.language.document import imported
from archc.language.expr import Expr, parse
from archc.language.reading import SPEC, read
from archc.language.scalars import Parameter, Signature
from archc.language.source import Text
from archc.language.spec import Block, Body, Document, Import, Library
from archc.lower.scope import BlockDef, library
from archc.ops import OPS, Op
from archc.ops.plugins import Plugins


@dataclass(frozen=True, eq=False)
class NetworkDef(BlockDef):
    """A network that is a block of the file that imports it: its params are the arguments.

    `outputs` are the places that it gives, where not what its own file says.
    """

    document: Document = field(kw_only=True)
    variant: str = field(kw_only=True)
    outputs: tuple[Text, ...] = field(kw_only=True)


@dataclass(eq=False)
class Linked:
    """The blocks and ops that a file knows, and what it imports; None for what can't be read.

    `faults` are those of the imports themselves, each at its place, `plugin_faults` why the
    ops of its own Python files are not known. `work` is what it took to lower its variants so far.
    """

    blocks: dict[str, BlockDef]
    imports: dict[str, Document | Library | None] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)
    ops: Mapping[str, type[Op]] = field(default_factory=lambda: OPS)
    plugin_faults: list[Diagnostic] = field(default_factory=list)
    work: int = 0


def link(
    document: Document | Library,
    *,
    allow_ops: bool = False,
    texts: Mapping[Path, str] | None = None,
) -> Linked:
    """Return what the names of a file's blocks, ops and imports mean; they are linked once.

    So the first call decides whether Python files with ops may be run, and which texts stand
    in place of those of imported files.
    """
    if document._linked is None:  # noqa: SLF001 - the document keeps it for this function
        own = _path(document)
        plugins = Plugins(OPS, allowed=allow_ops)
        Linker(plugins, texts or {}).link(document, (own,) if own is not None else ())
    linked: Linked = document._linked  # noqa: SLF001
    return linked


class Linker:
    """Reads the files that a file imports, each once, and links them."""

    def __init__(self, plugins: Plugins, texts: Mapping[Path, str]) -> None:
        self.plugins = plugins
        self.texts = texts
        self.read: dict[Path, Document | Library] = {}

    def link(self, document: Document | Library, within: tuple[Path, ...]) -> None:
        """Link a file; `within` are the files that are being read, itself the last."""
        own = {s.name: BlockDef(s, b) for s, b in document.blocks.items()}
        linked = Linked({**library(), **own})
        document._linked = linked  # noqa: SLF001
        try:
            taken = dict.fromkeys(linked.blocks, "a block")
            linked.ops = {**OPS, **self.plugins.load(document.ops, taken)}
        except SpecError as error:
            linked.plugin_faults += error.diagnostics
        for name, declared in document.imports.items():
            linked.imports[str(name)] = None
            try:
                if name in own:
                    message = f"`{name}` is a block of this file, and an import"
                    raise spec_error(
                        "same-name", message, name.span, "give one of them another name"
                    )
                found, named = self.open(declared, within)
                if isinstance(found, Document):
                    linked.blocks[str(name)] = _network(name, found, declared, named)
                else:
                    _expect_plain(declared)
                linked.imports[str(name)] = found
            except SpecError as error:
                linked.faults += error.diagnostics

    def open(
        self, declared: Import, within: tuple[Path, ...]
    ) -> tuple[Document | Library, str | None]:
        """Return an imported file, linked, and the variant that its name means."""
        text = declared.network
        path, shown, named = _find(text)
        real = path.resolve()
        if real in within:
            circle = " → ".join(p.name for p in (*within[within.index(real) :], real))
            message = f"`{text}` is a file that imports this one: {circle}"
            raise spec_error(
                "import-cycle", message, text.span, "move what both need into a third file"
            )
        if real not in self.read:
            try:
                shipped = path.is_relative_to(zoo.folder())
                source = _spec(path, shown, text, shipped=shipped)
                self.read[real] = imported(replace(source, text=self.texts.get(real, source.text)))
            except OSError as error:
                message = f"`{shown}` can't be read: {error.strerror}"
                raise spec_error("unknown-import", message, text.span) from None
            self.link(self.read[real], (*within, real))
        return self.read[real], named


def _spec(path: Path, shown: str, text: Text, *, shipped: bool) -> Source:
    """Read an imported file; of one that is no spec nothing is shown but its name."""
    kept = text.span.source.files
    if (there := kept.get(_real(path))) is not None:
        return Source(shown, there, path, files=kept)
    fault: SpecError | None = None
    try:
        source = read(path, shown, shipped=shipped)
    except SpecError as error:
        fault, source = error, error.diagnostics[0].span.source
    if not SPEC.search(source.text):
        message = f"`{shown}` is no spec: none of its lines begins with `archc:`"
        hint = "import a file that begins with `archc: 1`, a network or a library of blocks"
        raise spec_error("bad-import", message, text.span, hint)
    if fault is not None:
        raise fault
    return source


def _find(text: Text) -> tuple[Path, str, str | None]:
    """Return the file that an import names, how messages call it, and the variant it means."""
    source = text.span.source
    folder = source.path.parent if source.path is not None else Path()
    if _real(folder / text) in source.files or is_file(folder / text):
        return folder / text, str(Path(source.name).parent / text), None
    found, named = zoo.locate(text)
    if found is None:
        message = f"there is no file and no network of the zoo called `{text}`"
        within = Path(text).parent
        beside = [str(within / p.name) for p in (folder / within).glob("*.yaml")]
        known = [*zoo.names(), *(f.stem for f in zoo.files()), *beside]
        hint = nearest(text, known) or "a path is meant from the folder of the file that imports"
        raise spec_error("unknown-import", message, text.span, hint)
    return found, found.name, named


def _real(path: Path) -> Path:
    """Return where the links of a path lead; a text that no path can be leads nowhere."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path


def is_file(path: Path) -> bool:
    """Whether there is a file; a text that no path can be names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _network(name: Text, document: Document, declared: Import, named: str | None) -> NetworkDef:
    """Return the block that an imported network is."""
    meant = str(declared.variant) if declared.variant is not None else named
    variant = pick(document, meant, declared.variant.span if declared.variant else None)
    steps = Body.model_construct(root=document.steps)  # type: ignore[arg-type]  # rows too
    block = Block.model_construct(let={}, inputs=(Text("x"),), outputs=document.outputs, body=steps)
    parameters = tuple(Parameter(str(p), _tree(v)) for p, v in document.params.items())
    return NetworkDef(
        Signature(str(name), parameters, parse(name)),
        block,
        document=document,
        variant=variant,
        outputs=declared.outputs or (),
    )


def _tree(value: Any) -> ast.expr:
    """Return the expression of a param's default, of a list of them too."""
    return (
        value.tree if isinstance(value, Expr) else ast.List([_tree(v) for v in value], ast.Load())
    )


def _expect_plain(declared: Import) -> None:
    """Raise where a library is asked for what only a network has."""
    asked = [declared.variant] if declared.variant is not None else list(declared.outputs or ())
    if asked:
        message = f"`{declared.network}` holds blocks and no network, so it has no `{asked[0]}`"
        hint = "import the file by its path alone, and use its blocks: `name.block(...)`"
        raise spec_error("bad-import", message, asked[0].span, hint)


def _path(document: Document | Library) -> Path | None:
    """Return where a file was read."""
    span = document.name.span if isinstance(document, Document) else None
    path = span.source.path if span is not None else None
    return path.resolve() if path is not None else None


# Variants


def default(document: Document) -> str:
    """Return the variant that is meant when none is named: `default`, or the first one."""
    if document.default is not None:
        return str(document.default)
    return str(next(iter(document.variants), document.name))


def pick(document: Document, variant: str | None, span: Span | None = None) -> str:
    """Return the variant that is meant; raises SpecError where the document has none such.

    `span` is where it is named.
    """
    known = [str(v) for v in document.variants] or [str(document.name)]
    chosen = default(document) if variant is None else variant
    if chosen in known:
        return chosen
    declared = document.default if variant is None else None
    where = span or (declared.span if declared is not None else document.name.span)
    message = f"`{document.name}` has no variant `{chosen}`"
    hint = nearest(chosen, known) or f"variants: {', '.join(known)}"
    raise spec_error("unknown-variant", message, where, hint)
