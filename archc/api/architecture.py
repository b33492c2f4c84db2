"""A compiled network, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archc.backends.choices import PageTheme, Surface, TableBy, TableFormat
from archc.backends.drawable import Drawable
from archc.graph import Network, Stage
from archc.passes import depth
from archc.passes.costs import Counts, inference, training
from archc.passes.paths import Length, Paths, paths
from archc.recipe import Recipe
from archc.shapes import Shape
from archc.version import VERSION
from archc.weights.faults import WeightsError

if TYPE_CHECKING:
    import networkx as nx

    from archc.backends.picture import Picture
    from archc.backends.signals.model import Trace
    from archc.backends.signals.probe import Probe
    from archc.passes.features import Feature


@dataclass(frozen=True, eq=False)
class Architecture(Drawable):
    """A compiled network: what `archc.compile` returns. Shapes leave the batch dimension out."""

    network: Network
    recipe: Recipe

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

    def source(self, surface: Surface | None = None) -> str:
        """Return the standalone PyTorch file; its last class is the model.

        With the surface of timm it has the methods and attributes of timm's networks as well:
        `forward_features`, `reset_classifier`, `feature_info` and the like.
        """
        from archc.backends.pytorch import source

        text = source(self.network, version=VERSION)
        if surface is None:
            return text
        from archc.backends.surface import surfaced

        return surfaced(text, self.network)

    def onnx(
        self,
        weights: str | Path | Mapping[str, Any] | None = None,
        *,
        batch: int | None = None,
        any_size: bool = False,
        external_data: bool = False,
    ) -> bytes:
        """Return the network in inference as a file of ONNX; see docs/onnx.md.

        `weights` are a state_dict, or what `archc.load` takes; of those only safetensors by the
        network's own keys need no PyTorch. Without them the model is handed its tensors when it
        runs. Its batch is free unless given, height and width are with
        `any_size`. `external_data` leaves the numbers in the file of the weights, which must lie
        beside. It needs `pip install archc[onnx]`. Raises SpecError where an op of a plug-in
        does not say what it is in ONNX, WeightsError for weights that don't fit, OnnxError for
        what else can't be written so.
        """
        from archc.backends.onnx import Options, onnx_file, readable

        if not readable(self.network, weights):
            weights = self._state(weights)
        options = Options(batch, any_size=any_size, external_data=external_data)
        return onnx_file(self.network, weights, VERSION, options)

    def _state(self, weights: object) -> Mapping[str, Any]:
        """Return the tensors of weights that only PyTorch reads."""
        try:
            from archc.runtime.weights.states import state_of
        except ModuleNotFoundError:
            message = f"{weights} is read by PyTorch: pip install archc[torch]; without it weights are a file of safetensors"
            raise WeightsError(message) from None
        return state_of(self.network, weights, self.recipe.settings)

    def table(
        self,
        format: TableFormat = "markdown",
        by: TableBy = "stage",
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

    def report(self, *others: Architecture, theme: PageTheme = "auto") -> str:
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
