"""Another input than the spec's, no classifier, and names that others have for what archc has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from typer.testing import CliRunner, Result

import archc
from archc import zoo
from archc.cli import app
from archc.lower.foreign import ALIASES

HERE = Path(__file__).resolve().parent
MACS = 16_350_593_024
"""Of resnet50 at 448×448: four times those at 224×224, but for the classifier's."""


def some(names: Iterable[str], *quick: str) -> list[ParameterSet]:
    """Return all names as cases, those that are not quick as heavy ones."""
    return [pytest.param(n, marks=() if n in quick else pytest.mark.heavy) for n in names]


def faults(spec: str, **options: object) -> list[archc.Diagnostic]:
    with pytest.raises(archc.SpecError) as raised:
        archc.compile(spec, **options)
    return list(raised.value.diagnostics)


def test_macs_follow_the_input() -> None:
    own = archc.compile("resnet50")
    large = archc.compile("resnet50", input=(3, 448, 448))

    assert large.macs == 4 * (own.macs - 2048 * 1000) + 2048 * 1000 == MACS
    assert large.params == own.params
    assert tuple(large.input) == (3, 448, 448)
    assert archc.compile("resnet50", input=large.input).macs == MACS


def test_a_param_that_the_input_is_written_with_is_set() -> None:
    """The tokens of ViT are counted from it: as large an input given as a knob is the same."""
    given, knob = (
        archc.compile("vit_b_16", input=(3, 384, 384)),
        archc.compile("vit_b_16", image_size=384),
    )

    assert given.state_dict_shapes() == knob.state_dict_shapes()
    assert given.macs == knob.macs


@pytest.mark.parametrize(
    ("spec", "size"),
    [("preresnet200", (3, 64, 96)), ("efficientnet_b1", (1, 200, 224)), ("unet", (3, 572, 700))],
)
def test_a_size_of_the_variant_that_is_not_read(spec: str, size: tuple[int, ...]) -> None:
    """What a variant sets is no fault where the input that it is for is another."""
    assert archc.check(spec, input=size) == []
    assert archc.compile(spec, input=size).input.sizes == size


def test_a_setting_that_the_input_overrides() -> None:
    (fault,) = faults("efficientnet_b1", input=(3, 384, 384), resolution=224)

    assert (fault.code, fault.span.source.text) == ("idle-setting", "resolution=224")


BAD = {
    "channels-last": ("resnet50", (224, 224, 3)),
    "grid": ("hrnet_w18", (3, 97, 97)),
    "tokens": ("vit_b_16", (3, 384, 320)),
    "small": ("vgg16", (3, 16, 16)),
    "zero": ("resnet50", (3, 0, 224)),
    "param": ("swin_t", (3, 0, 0)),
    "two": ("resnet50", (224, 224)),
    "vector": ("resnet50", (150_528,)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_network_that_cant_take_it(name: str, golden: Callable[[Path, str], None]) -> None:
    spec, size = BAD[name]
    found = archc.check(spec, input=size)

    text = "\n\n".join(map(str, found))
    golden(HERE / "goldens" / "input" / f"{name}.txt", f"{text}\n")


def test_the_remedy_of_a_size_is_at_the_input() -> None:
    (fault,) = archc.check("hrnet_w18", input=(3, 97, 64))

    assert [(e.span.source.text, e.span.column, e.text) for e in fault.edits] == [
        ("3,97,64", 3, "96")
    ]


@pytest.mark.parametrize("wrong", ["3,224,224", 224, (), (3, 224.0, 224), (True, 1, 1)])
def test_no_sizes(wrong: object) -> None:
    with pytest.raises(TypeError, match="channels, height and width"):
        archc.compile("resnet50", input=wrong)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


SHOWN = {
    "table": ("table resnet50 --input 3,448,448 --format csv", f",{MACS}"),
    "family": ("table resnet --input 3,448,448", "56×56"),
    "variants": ("table resnet --by variant --input 3,64,64", "3×64×64"),
    "block": ("table resnet18 --block basic(64) --input 64,8,8", "64×8×8"),
    "with-x": ("table resnet18 --input 1x64x64", "input 1×64×64"),
    "build": ("build resnet18 --input 1,64,64", "MACs at 1x64x64"),
    "draw": ("draw resnet18 --input 1,64,64 --format dot", "1×64×64"),
    "report": ("report resnet20 --input 1,8,8", "1×8×8"),
    "check": ("check resnet18 --input 1,64,64", "all good"),
    "diff": ("diff resnet18 resnet34 --input 1,64,64", " head "),
    "paths": ("paths resnet18 --input 1,64,64", "paths"),
    "trace": ("trace resnet20 --at layer1.0 --input 1,8,8", "resnet20"),
    "verify": ("verify resnet20 --input 1,8,8 --size 8", "2×1×8×8"),
}


@pytest.mark.parametrize("name", some(SHOWN, "table", "build", "draw", "check"))
def test_every_command(name: str) -> None:
    arguments, shown = SHOWN[name]
    result = run(*arguments.split())

    assert result.exit_code == (1 if name == "diff" else 0), result.output
    assert shown in result.output


@pytest.mark.parametrize("text", ["448", "3,448", "a,b,c", "", "-3,4,5", "3,4.5,6", "3,,4"])
def test_what_is_no_input(text: str) -> None:
    result = run("table", "resnet50", "--input", text)

    assert result.exit_code in (1, 2)
    assert "--input" in result.stderr
    assert result.stdout == ""


def test_figures_of_the_paper_are_those_of_its_input() -> None:
    assert archc.check("resnet", input=(3, 64, 64)) == []


WITHOUT = sorted(path.stem for path in zoo.files() if path.stem not in ("fpn", "retinanet"))


@pytest.mark.parametrize("name", some(WITHOUT, "googlenet", "squeezenet", "vit"))
def test_no_classifier(name: str) -> None:
    """What is left are all tensors but one layer's, the same in all else."""
    own, without = archc.compile(name), archc.compile(name, num_classes=0)
    gone = set(own.state_dict_shapes()) - set(without.state_dict_shapes())
    layers = {key.rpartition(".")[0] for key in gone}
    tensors = own.state_dict_shapes()

    assert own.state_dict_shapes() | without.state_dict_shapes() == own.state_dict_shapes()
    assert len(layers) == 1 + len([o for o in own.network.root.outputs if o.training])
    widths = {tensors[f"{layer}.weight"][1] for layer in layers}
    assert without.output.channels in widths
    assert archc.check(name, own.network.variant or None, num_classes=0) == []


def test_no_classes_in_a_variant() -> None:
    text = """archc: 1
name: tiny
input: [3, 8, 8]
params: {num_classes: 10}
variants: {whole: {}, bare: {num_classes: 0}}
head: {pool: global_avg_pool, flat: flatten, fc: {do: linear(num_classes), init: {weight: zeros}}}
"""
    source = archc.Source("tiny.yaml", text)

    assert archc.check(source) == []
    assert archc.compile(source, "bare").output.sizes == (3,)
    assert archc.compile(source, "whole", num_classes=0).state_dict_shapes() == {}


def test_no_classifier_to_leave_out() -> None:
    (fault,) = faults("retinanet_resnet50_fpn", num_classes=0)

    assert (fault.code, fault.span.source.text) == ("no-classifier", "num_classes=0")


@pytest.mark.parametrize("name", some(ALIASES, "in_chans", "pretrained", "num_labels"))
def test_names_of_others(name: str) -> None:
    """Each is answered by one line; what it names is there."""
    if name in archc.api.open_spec("resnet", None)[0].params:
        return
    (fault,) = faults("resnet50", **{name: 1})

    assert fault.code == "unknown-setting"
    assert fault.help
    assert "\n" not in fault.help


def test_each_fault_at_its_place() -> None:
    found = faults("resnet50", in_chans=1, norm_layer="x", pretrained=True, num_clases=5)

    assert [d.message.split("`")[1] for d in found] == [
        "in_chans", "norm_layer", "pretrained", "num_clases"
    ]  # fmt: skip
    assert "`input=(1, 224, 224)`" in found[0].help
    assert "num_classes" in found[3].help
