"""What users call: compile, check and load a spec; an Architecture and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc import zoo
from archc.diagnostics import Diagnostic, Source, Span, SpecError, errors, nearest, sort
from archc.graph import Network, Stage
from archc.language.document import document
from archc.language.expr import Expr, parse
from archc.language.scalars import Key
from archc.language.source import Text, read
from archc.language.spec import Body, Document
from archc.lower.lowering import lower
from archc.passes import CHECKS, Verdict, claims, depth, misnamed, params, verdicts
from archc.passes.costs import macs
from archc.rules import judge_text
from archc.shapes import Shape
from archc.version import VERSION

if TYPE_CHECKING:
    import networkx as nx
    from torch import nn


@dataclass(frozen=True, eq=False)
class Architecture:
    """A compiled network: what `archc.compile` returns. Shapes leave the batch dimension out."""

    network: Network

    @property
    def name(self) -> str:
        """The name of the variant."""
        return self.network.name

    @cached_property
    def params(self) -> int:
        """Trainable parameters; a tensor that is used twice counts once."""
        return params(self.network.root)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions, linear layers and matrix products for one sample."""
        return macs(self.network.root)

    @cached_property
    def depth(self) -> int:
        """Weighted layers (convolutions and linear layers) on the longest path, as names count."""
        return depth(self.network.root)

    @property
    def input(self) -> Shape:
        """The shape of one input sample."""
        return self.network.input

    @property
    def output(self) -> Shape:
        """The shape of the first output for one sample."""
        return self.network.output

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return self.network.stages

    @property
    def graph(self) -> nx.DiGraph[str]:
        """The networkx graph of all ops; see `archc.graph.unfold` for what it carries."""
        return self.network.graph

    def source(self) -> str:
        """Return the standalone PyTorch file; its last class is the model."""
        from archc.backends.pytorch import source  # noqa: PLC0415

        return source(self.network, version=VERSION)

    def table(
        self,
        format: str = "markdown",
        by: str = "stage",
        columns: Sequence[str] = (),
        convention: str | None = None,
    ) -> str:
        """Return the table of the network: a row a stage, block or layer, and the totals.

        Formats are text, markdown, latex, csv and json. Columns are name, block, input, output
        and every convention that counts op by op (see archc.passes.conventions); `convention`
        adds one. Raises ValueError for a name that is not known.
        """
        from archc.backends.table import render, table  # noqa: PLC0415

        return render(table(self.network, by, columns, convention), format)

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by its state_dict key, without building anything."""
        return self.network.state_dict_shapes()

    def dot(self, level: str = "stage", theme: str = "light") -> str:
        """Return the network as DOT text, for Graphviz.

        Levels: stage (a box for each distinct block), block (its layers), op (everything).
        Themes: light, dark, print. Raises ValueError for a name that is not known.
        """
        from archc.backends.dot import dot  # noqa: PLC0415

        return dot(self.network, level, theme)

    def svg(self, level: str = "stage", theme: str = "light") -> str:
        """Return the picture of `dot`, drawn; it needs `pip install archc[draw]` or Graphviz."""
        from archc.backends.dot import describe  # noqa: PLC0415
        from archc.backends.render import svg  # noqa: PLC0415

        return svg(self.dot(level, theme), self.name, describe(self.network, level))

    def _repr_svg_(self) -> str | None:
        from archc.backends.render import NoRendererError  # noqa: PLC0415

        try:
            return self.svg()
        except NoRendererError:
            return None


def compile(spec: str | Path | Source, variant: str | None = None, **settings: Any) -> Architecture:  # noqa: A001
    """Compile a spec, a path or the name of a zoo network, to an Architecture.

    `settings` set params of the spec; a string is read as an expression of the spec. Raises
    SpecError with every diagnostic where the spec is wrong, FileNotFoundError where there is
    no such file or network.
    """
    parsed, chosen = open_spec(spec, variant)
    return _architecture(parsed, chosen, settings)


def _architecture(parsed: Document, variant: str, settings: Mapping[str, Any]) -> Architecture:
    found, network = judge(parsed, variant, {k: _setting(k, v) for k, v in settings.items()})
    if network is None or errors(found):
        raise SpecError(found)
    return Architecture(network)


def compile_family(
    spec: str | Path | Source, variants: Sequence[str] = (), **settings: Any
) -> list[Architecture]:
    """Compile several variants of a spec: those named, or those that its paper's table shows.

    A spec whose `paper` names no columns gives all its variants.
    """
    parsed, chosen = open_spec(spec, None)
    columns = parsed.paper.columns if parsed.paper else ()
    names = [pick(parsed, str(v)) for v in variants or columns or parsed.variants or [chosen]]
    return [_architecture(parsed, name, settings) for name in names]


def compile_block(
    spec: str | Path | Source,
    block: str,
    shape: Sequence[int],
    variant: str | None = None,
    **settings: Any,
) -> Architecture:
    """Compile a block of a spec on its own, `"bottleneck(64)"`, over an input of a shape.

    The params of the spec are those of the variant.
    """
    parsed, chosen = open_spec(spec, variant)
    if wrong := errors(judge_text(parsed)[0]):
        raise SpecError(wrong)
    step = _written("--block", "block", block)
    alone = parsed.model_copy(
        update={
            "input": tuple(_written("--input", "input", str(size)) for size in shape),
            "body": Body.model_construct(
                root={Key(Text.at("_block", step.text.span), ("_block",)): step}
            ),
            **dict.fromkeys(("stem", "stages", "head", "outputs")),
        }
    )
    network, found = lower(alone, chosen, {k: _setting(k, v) for k, v in settings.items()})
    if network is None or errors(found):
        raise SpecError(found)
    return Architecture(replace(network, name=block))


def check(
    spec: str | Path | Source, variant: str | None = None, **settings: Any
) -> list[Diagnostic]:
    """Return every diagnostic of a spec: of all its variants, or of the one named."""
    try:
        parsed, chosen = open_spec(spec, variant)
    except SpecError as error:
        return list(error.diagnostics)
    given = {k: _setting(k, v) for k, v in settings.items()}
    text, faulty = judge_text(parsed)
    found = [*misnamed(parsed), *text]
    for name in _meant(spec, parsed, variant, chosen):
        more, network = build(parsed, name, given, faulty)
        found += more
        if network is not None and not given:  # a claim is about the network as published
            found += claims(network)
    return sort(found)


def judge_claims(spec: str | Path | Source, variant: str | None = None) -> list[Verdict]:
    """Return what became of every published figure: of all variants, or of the one named."""
    parsed, chosen = open_spec(spec, variant)
    networks = (judge(parsed, name, {})[1] for name in _meant(spec, parsed, variant, chosen))
    return [v for network in networks if network is not None for v in verdicts(network)]


def _meant(
    spec: str | Path | Source, parsed: Document, variant: str | None, chosen: str
) -> list[str]:
    """Return the variants that a check is of: all of a file, the one of a name."""
    named = variant is not None or (not isinstance(spec, Source) and str(spec) == chosen)
    return [chosen] if named or not parsed.variants else [str(v) for v in parsed.variants]


def judge(
    parsed: Document, variant: str, settings: Mapping[str, Any]
) -> tuple[list[Diagnostic], Network | None]:
    """Apply the rules of the text, lower a variant, run the passes; return what is wrong."""
    text, faulty = judge_text(parsed)
    found, network = build(parsed, variant, settings, faulty)
    return sort([*text, *found]), network


def build(
    parsed: Document, variant: str, settings: Mapping[str, Any], faulty: frozenset[str]
) -> tuple[list[Diagnostic], Network | None]:
    """Lower a variant and run the passes; return what is wrong, and the network if it has one."""
    network, found = lower(parsed, variant, settings, faulty)
    if network is not None:
        found = [*found, *(d for judge_network in CHECKS for d in judge_network(network))]
    return found, network


def load(spec: str | Path | Source, variant: str | None = None, **settings: Any) -> nn.Module:
    """Compile a spec and return the torch.nn.Module that its emitted source defines."""
    from archc.runtime import load as run  # noqa: PLC0415

    return run(compile(spec, variant, **settings))


def names() -> list[str]:
    """Return the name of every network of the zoo."""
    return zoo.names()


def open_spec(spec: str | Path | Source, variant: str | None) -> tuple[Document, str]:
    """Return the document that a path or zoo name means, and the variant."""
    if isinstance(spec, Source):
        parsed = document(spec)
        return parsed, pick(parsed, variant)
    path = Path(spec)
    if not path.is_file():
        found = zoo.find(str(spec)) or next((f for f in zoo.files() if f.stem == str(spec)), None)
        if found is None:
            hint = nearest(str(spec), [*zoo.names(), *(f.stem for f in zoo.files())])
            message = f"there is no file and no network of the zoo called `{spec}`" + (
                f"; {hint}" if hint else ""
            )
            raise FileNotFoundError(message)
        parsed = document(read(found, found.name))
        named = zoo.find(str(spec)) is not None and variant is None and parsed.variants
        return parsed, pick(parsed, str(spec) if named else variant)
    parsed = document(read(path))
    return parsed, pick(parsed, variant)


def default(parsed: Document) -> str:
    """Return the variant that is meant when none is named: `default`, or the first one."""
    if parsed.default is not None:
        return str(parsed.default)
    return str(next(iter(parsed.variants), parsed.name))


def pick(parsed: Document, variant: str | None) -> str:
    """Return the variant that is meant; raises SpecError where the document has none such."""
    known = [str(v) for v in parsed.variants] or [str(parsed.name)]
    chosen = default(parsed) if variant is None else variant
    if chosen not in known:
        span = (
            parsed.default.span
            if variant is None and parsed.default is not None
            else parsed.name.span
        )
        raise SpecError(
            [
                Diagnostic(
                    "unknown-variant",
                    f"`{parsed.name}` has no variant `{chosen}`",
                    span,
                    help=nearest(chosen, known) or f"variants: {', '.join(known)}",
                )
            ]
        )
    return chosen


def _setting(name: str, value: Any) -> Any:
    """Return a setting as the spec would hold it: a string is an expression."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    return _written("--set", name, value)


def _written(flag: str, name: str, text: str) -> Expr:
    """Parse what stands on the command line, for messages as the text `name=text`."""
    source = Source(flag, f"{name}={text}")
    start = len(name) + 2
    return parse(Text.at(text, Span(1, start, 1, start + len(text), source)))
