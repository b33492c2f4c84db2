"""What users call: compile, check and load a spec; an Architecture and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc import zoo
from archc.backends.drawable import Drawable
from archc.diagnostics import Diagnostic, Source, SpecError, errors, joined, listed, sort
from archc.graph import Network, Stage
from archc.judging import all_faults, build, judge, settled
from archc.language.document import Faulty
from archc.language.given import places, setting, written
from archc.language.scalars import Key
from archc.language.source import Text
from archc.language.spec import Body, Document
from archc.lower.linking import link, pick
from archc.lower.lowering import lower
from archc.lower.opening import library_of, once, opened
from archc.ops import OPS
from archc.passes import Verdict, claims, depth, idle, misnamed, verdicts
from archc.passes.costs import Counts, inference, training
from archc.passes.paths import Length, Paths, paths
from archc.rules import judge_text
from archc.shapes import Shape
from archc.trying import Trials
from archc.version import VERSION

if TYPE_CHECKING:
    import networkx as nx
    from torch import nn

    from archc.backends.picture import Picture
    from archc.backends.signals.model import Trace
    from archc.backends.signals.probe import Probe
    from archc.passes.features import Feature


@dataclass(frozen=True, eq=False)
class Architecture(Drawable):
    """A compiled network: what `archc.compile` returns. Shapes leave the batch dimension out."""

    network: Network

    def __repr__(self) -> str:
        more = "" if self.training == self.inference else f"; in training {self.training}"
        return f"Architecture({self.name}: {self.input} to {self.output}, {self.inference}{more})"

    @property
    def name(self) -> str:
        """The name of the variant."""
        return self.network.name

    @cached_property
    def inference(self) -> Counts:
        """Its counts in inference: params and macs."""
        return inference(self.network)

    @cached_property
    def training(self) -> Counts:
        """Its counts in training, with what only outputs for training need."""
        return training(self.network)

    @property
    def params(self) -> int:
        """Trainable parameters in inference; a tensor that is used twice counts once."""
        return self.inference.params

    @property
    def macs(self) -> int:
        """Multiply-adds of convolutions, linear layers and matrix products, for a sample in inference."""
        return self.inference.macs

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
    def features(self) -> tuple[Feature, ...]:
        """What the network gives, with channels and reduction (effective stride), in order."""
        from archc.passes.features import features

        return features(self.network)

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
        from archc.backends.pytorch import source

        return source(self.network, version=VERSION)

    def table(
        self,
        format: str = "markdown",
        by: str = "stage",
        columns: Sequence[str] = (),
        convention: str | None = None,
        depth: int | None = None,
        sort: str | None = None,
    ) -> str:
        """Return the table of the network: a row a stage, run, block or layer, and the totals.

        Formats are text, markdown, html, latex, csv and json. Columns are those of
        docs/tables.md: name, block, output, ..., and every convention that counts op by op,
        with a `%` behind it for the share of the total; `convention` adds one. `depth` opens
        blocks in blocks so deep, in place of `by`; `sort` names the column by which rows are
        sorted, the largest first. Raises ValueError for a name that is not known.
        """
        from archc.backends.table import render, table

        return render(table(self.network, by, columns, convention, depth, sort), format)

    def report(self, *others: Architecture, theme: str = "auto") -> str:
        """Return a page of HTML about the network, with others beside it; themes: light, dark, auto.

        It needs `pip install archc[report]`.
        """
        from archc.backends.report import report

        return report([self.network, *(other.network for other in others)], theme)

    def paths(
        self,
        length: Length = "branches",
        without: Sequence[str] = (),
        *,
        through_gates: bool = False,
    ) -> Paths:
        """Count the paths from input to output by residual branches or weighted layers on them.

        `without` deletes blocks, stages or ops: a block keeps its shortcut. Raises LookupError
        for a name that is none of them. See archc.passes.paths.
        """
        return paths(self.network, length, without, through_gates=through_gates)

    def trace(self, at: str = "", *, weights: str | Path | None = None, **options: Any) -> Trace:
        """Run the network, or its stage, block or op `at`, forwards and backwards in both modes.

        Options are batch, files, seed and device, see archc.runtime.signals.trace; `weights`
        is a saved state_dict, without it they are new ones drawn from the seed.
        """
        from archc.runtime.signals import traced

        return traced(self, at, weights=weights, **options)

    def probe(self, **options: Any) -> Probe:
        """Measure signals and gradients by depth, over several draws of weights.

        Options are seeds, batch, mode, norms, grid and device, see archc.runtime.signals.probe;
        `lambdas` and `blocks` for gains through blocks with scaled shortcuts; `weights`.
        """
        from archc.runtime.signals import probed

        return probed(self, **options)

    def state_dict_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by its state_dict key, without building anything."""
        return self.network.state_dict_shapes()


def side_by_side(architectures: Sequence[Architecture]) -> Picture:
    """Return the picture of networks side by side, as in Fig. 3 of He et al. 2015."""
    from archc.backends.picture import picture

    return picture([arch.network for arch in architectures], "family")


def compile(  # noqa: A001 - as `re.compile` is called
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> Architecture:
    """Compile a spec, a path or the name of a zoo network, to an Architecture.

    `outputs` name the stages or steps whose values the network gives, in place of what the
    spec says; steps that none of them needs are left out. With `allow_ops` the Python files
    that the spec names under `ops` are run. `settings` set params of the spec; a string is
    read as an expression of the spec. Raises SpecError with every diagnostic where the spec
    is wrong, FileNotFoundError where there is no such file or network.
    """
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    made = _architecture(parsed, chosen, settings, outputs)
    _expect_read([made.network])
    return made


def _architecture(
    parsed: Document, variant: str, settings: Mapping[str, Any], outputs: Sequence[str] = ()
) -> Architecture:
    given = {k: setting(k, v) for k, v in settings.items()}
    found, network = judge(parsed, variant, given, places(outputs))
    if network is None or errors(found):
        raise SpecError(found)
    return Architecture(network)


def _expect_read(networks: Sequence[Network]) -> None:
    """Raise where a setting changes none of the networks."""
    if networks and (wrong := idle(networks)):
        raise SpecError(wrong)


def compile_family(
    spec: str | Path | Source,
    variants: Sequence[str] = (),
    /,
    *,
    allow_ops: bool = False,
    **settings: Any,
) -> list[Architecture]:
    """Compile several variants of a spec: those named, or those that its paper's table shows.

    A spec whose `paper` names none gives all its variants.
    """
    parsed, chosen = open_spec(spec, None, allow_ops=allow_ops)
    shown = parsed.paper.variants if parsed.paper else ()
    names = [pick(parsed, str(v)) for v in variants or shown or parsed.variants or [chosen]]
    made = [_architecture(parsed, name, settings) for name in names]
    _expect_read([arch.network for arch in made])
    return made


def compile_block(
    spec: str | Path | Source,
    block: str,
    shape: Sequence[int],
    variant: str | None = None,
    /,
    *,
    allow_ops: bool = False,
    **settings: Any,
) -> Architecture:
    """Compile a block of a spec on its own, `"bottleneck(64)"`, over an input of a shape.

    The params of the spec are those of the variant.
    """
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    if wrong := errors(judge_text(parsed)[0]):
        raise SpecError(wrong)
    step = written("--block", "block", block)
    key = block.partition("(")[0]
    if key not in OPS:  # what is in a block has its names without the block's
        key = "_block"
    alone = parsed.model_copy(
        update={
            "input": tuple(written("--input", "input", str(size)) for size in shape),
            "body": Body.model_construct(root={Key(Text.at(key, step.text.span), (key,)): step}),
            **dict.fromkeys(("stem", "stages", "head", "outputs")),
        }
    )
    network, found = lower(alone, chosen, {k: setting(k, v) for k, v in settings.items()})
    if network is None or errors(found):
        raise SpecError(found)
    return Architecture(replace(network, name=block))


def check(
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> list[Diagnostic]:
    """Return every diagnostic of a spec: of all its variants, or of the one named.

    A library of blocks is judged by its text. Published figures that don't hold are warnings,
    in the zoo errors. `outputs`, `allow_ops` and `settings` are those of `compile`.
    """
    return checked(spec, variant, settings, outputs=outputs, allow_ops=allow_ops)[0]


def checked(
    spec: str | Path | Source,
    variant: str | None,
    settings: Mapping[str, Any],
    *,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
) -> tuple[list[Diagnostic], int]:
    """Check a spec; return its diagnostics, and how many variants it has that were built."""
    spec = once(spec)
    try:
        parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    except SpecError as error:
        try:
            library = library_of(spec)
        except SpecError as faulty_library:
            return all_faults(faulty_library, allow_ops=allow_ops), 0
        if library is None:
            return list(error.diagnostics), 0
        link(library, allow_ops=allow_ops)
        return listed(judge_text(library)[0]), 0
    given = {k: setting(k, v) for k, v in settings.items()}
    text, faulty = judge_text(parsed)
    found = [*misnamed(parsed), *text]
    published: list[Network] = []
    networks: list[Network | None] = []
    built: list[tuple[str, list[Diagnostic]]] = []
    meant = _meant(spec, parsed, variant, chosen)
    for name in meant:
        more, network = build(parsed, name, given, faulty, places(outputs))
        built.append((name, more))
        networks.append(network)
        if any(d.code == "too-large" for d in more):
            break  # the other variants take as long, to say the same
        if (
            network is not None and not given and not outputs
        ):  # a claim is about the network as published
            found += claims(network, strict=parsed.name.span.source.path in zoo.files())
            published.append(network)
    wrong = joined(built) if len(meant) > 1 else built[0][1]
    found += Trials(parsed, given, places(outputs)).settle(sort(wrong), meant)
    whole = [n for n in networks if n is not None]
    if len(whole) == len(networks):
        found += idle(whole)
    if parsed.paper and len(published) == max(len(parsed.variants), 1):
        from archc.backends.table import misprinted

        found += misprinted(sorted(published, key=lambda n: n.variant != chosen))
    return listed(settled(found)), len(meant)


def judge_claims(
    spec: str | Path | Source, variant: str | None = None, *, allow_ops: bool = False
) -> list[Verdict]:
    """Return what became of every published figure: of all variants, or of the one named."""
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    networks = (judge(parsed, name, {})[1] for name in _meant(spec, parsed, variant, chosen))
    return [v for network in networks if network is not None for v in verdicts(network)]


def _meant(
    spec: str | Path | Source, parsed: Document, variant: str | None, chosen: str
) -> list[str]:
    """Return the variants that a check is of: all of a file, the one of a name."""
    named = variant is not None or (not isinstance(spec, Source) and str(spec) == chosen)
    return [chosen] if named or not parsed.variants else [str(v) for v in parsed.variants]


def load(
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> nn.Module:
    """Compile a spec and return the torch.nn.Module that its emitted source defines.

    With several `outputs` its result is a dictionary by their names, with one that value itself.
    """
    from archc.runtime import load as run

    return run(compile(spec, variant, outputs=outputs, allow_ops=allow_ops, **settings))


def names() -> list[str]:
    """Return the name of every network of the zoo."""
    return zoo.names()


def open_spec(
    spec: str | Path | Source, variant: str | None, *, allow_ops: bool = False
) -> tuple[Document, str]:
    """Return the document that a path or zoo name means, its names linked, and the variant."""
    try:
        parsed, chosen = opened(spec, variant)
    except Faulty as error:
        raise SpecError(all_faults(error, allow_ops=allow_ops)) from None
    link(parsed, allow_ops=allow_ops)
    return parsed, chosen
