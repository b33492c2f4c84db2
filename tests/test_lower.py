"""Lowering: what steps, loops and choices become; shapes of values; modules that are shared."""

from __future__ import annotations

import pytest

import archc
from archc.diagnostics import Source

HEAD = "archc: 1\nname: tiny\ninput: [8, 16, 16]\n"


def paths(text: str) -> list[str]:
    """Return the paths of all ops of a spec, in order."""
    return [leaf.path for leaf in compiled(text).network.root.leaves()]


def compiled(text: str) -> archc.Architecture:
    return archc.compile(Source("tiny.yaml", HEAD + text))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("body:\n  a: conv(8, 3)\n  b: relu\n", ["a", "b"]),
        ("body:\n  a:\n  - conv(8, 3)\n  - relu if 1 > 2 else none\n  - bn\n", ["a.0", "a.1"]),
        ("body:\n  a: {repeat: i < 2, do: 'conv(8, 3)'}\n", ["a.0", "a.1"]),
        ("body:\n  a{i + 1}: {repeat: i < 2, do: 'conv(8, 3)'}\n", ["a1", "a2"]),
        ("body:\n  _a:\n    b: conv(8, 3)\n", ["b"]),
        ("body:\n  a:\n  - - conv(8, 3)\n  - - bn\n", ["a.0.0", "a.1.0"]),
        (
            "body:\n  a:\n  - repeat: i < 2\n    do:\n    - conv(8, 3)\n    - relu\n",
            ["a.0", "a.1", "a.2", "a.3"],
        ),
        ("body:\n  a: {if: 1 > 2, do: 'conv(8, 3)'}\n  b: relu\n", ["b"]),
        ("body:\n  a: {if: 1 > 2, do: 'conv(8, 3)', else: bn}\n", ["a"]),
        ("body:\n  a.b: conv(8, 3)\n  a.c: bn\n", ["a.b", "a.c"]),
        ("body:\n  a: conv(8, 3)\n  b: a + x\n", ["a", "b"]),
        ("body:\n  a: relu(conv(8, 3))\n", ["a", "a.relu"]),
    ],
)
def test_paths(body: str, expected: list[str]) -> None:
    """Names of steps are paths; absent ones take no number; silent ones add nothing."""
    assert sorted(paths(body)) == sorted(expected)


def test_copies_of_for_are_side_by_side() -> None:
    """`for` applies every copy to its own value."""
    arch = compiled(
        "body:\n  a: conv(8, 3)\n  b: bn(a)\n"
        "  each:\n    for: v in list(a, b)\n    from: v\n    do: conv(4, 1)\n  all: concat(each[0], each[1])\n"
    )

    assert arch.output.sizes == (8, 16, 16)
    assert sorted(arch.graph.predecessors("all")) == ["each.0", "each.1"]


def test_a_list_takes_in_lists_and_leaves_out_nothing() -> None:
    """So a recursive block can hand on what its inner one gives, and end with one value."""
    arch = compiled(
        "blocks:\n  ends(n):\n    short: conv(4, 3)(x)\n"
        "    deep: ends(n - 1)(x) if n > 1 else none(x)\n    all: list(short, deep)\n"
        "body:\n  ends: ends(3)\n  all: concat(ends)\n"
    )

    assert arch.output.sizes == (12, 16, 16)
    assert list(arch.state_dict_shapes())[::2] == [
        "ends.short.weight",
        "ends.deep.short.weight",
        "ends.deep.deep.short.weight",
    ]


def test_repeat_chains_and_remembers() -> None:
    """`repeat` chains its copies; `.steps` are their outputs."""
    arch = compiled(
        "body:\n  a: {repeat: i < 3, do: 'conv(4 * (i + 1), 3)'}\n  b: concat(a.steps[0], a.steps[2])\n"
    )

    assert arch.output.channels == 16
    assert list(arch.graph.predecessors("a.2")) == ["a.1"]


def test_absent_step_with_from_gives_what_it_takes() -> None:
    """An absent step is its input, and `from` says which that is."""
    arch = compiled(
        "blocks:\n  unit(k):\n    a: conv(8, 3)\n    p: {if: k > 0, from: x, do: 'conv(8, 1)'}\n    out: a + p\n"
        "body:\n  first: unit(0)\n  second: unit(1)\n"
    )

    assert set(arch.graph.predecessors("first.out")) == {"first.a", "input"}
    assert set(arch.graph.predecessors("second.out")) == {"second.a", "second.p"}


def test_sources_hand_nothing_on() -> None:
    """A parameter is no running value: the next step takes what ran before it."""
    arch = compiled("body:\n  a: conv(8, 3)\n  gain: parameter(1)\n  b: relu\n  c: gain * b\n")

    assert list(arch.graph.predecessors("b")) == ["a"]
    assert arch.params == 8 * 8 * 9 + 8 + 1


def test_nothing_is_left_out_of_sums() -> None:
    """`none(...)(x)` gives nothing: a plain network needs no case of its own."""
    arch = compiled(
        "params: {s: none}\nbody:\n  a: conv(8, 3)\n  b: s(8, 1)(x)\n  c: relu(a + b)\n"
    )

    assert [n for n in arch.graph if n != "input"] == ["a", "c"]


def test_reuse_counts_parameters_once() -> None:
    """A module that is applied again has its tensors once and its operations twice."""
    arch = compiled("body:\n  a: conv(8, 3)\n  b: reuse(a)(a)\n")

    assert arch.params == 8 * 8 * 9 + 8
    assert arch.macs == 2 * 8 * 8 * 9 * 16 * 16
    assert list(arch.state_dict_shapes()) == ["a.weight", "a.bias"]


def test_recursion() -> None:
    """A block may use itself where an integer gets smaller."""
    arch = compiled(
        "blocks:\n  tree(k):\n    a: conv(8, 3)\n    b: tree(k - 1) if k > 0 else none\nbody:\n  root: tree(3)\n"
    )

    assert paths_of(arch) == ["root.a", "root.b.a", "root.b.b.a", "root.b.b.b.a"]


def paths_of(arch: archc.Architecture) -> list[str]:
    return [leaf.path for leaf in arch.network.root.leaves()]


def test_rows() -> None:
    """A row repeats its block; the stride goes to the first copy, `first` and `last` override."""
    arch = compiled(
        "blocks:\n  unit(width, kernel=3, stride=1):\n    a: conv(width, kernel, stride=stride)\n"
        "stages:\n  s: {block: unit, width: 4 * (i + 1), depth: 3, stride: 2, last: {kernel: 5}}\n"
    )
    shapes = arch.state_dict_shapes()

    assert arch.output.sizes == (12, 8, 8)
    assert shapes["s.0.a.weight"] == (4, 8, 3, 3)
    assert shapes["s.2.a.weight"] == (12, 8, 5, 5)


def test_several_outputs() -> None:
    """The first output is the network's result."""
    arch = compiled(
        "body:\n  a: conv(4, 3)\n  b: conv(2, 3)(a)\noutputs: {deep: b, wide: {value: a, when: training}}\n"
    )

    assert arch.output.channels == 2
    assert [(o.name, o.training) for o in arch.network.root.outputs] == [
        ("deep", False),
        ("wide", True),
    ]


def test_depth_counts_the_longest_path() -> None:
    """Projections run beside a longer path and add nothing to the depth."""
    assert {
        name: archc.compile(name).depth
        for name in ("resnet18", "resnet34_c", "resnet110", "plain20")
    } == {
        "resnet18": 18,
        "resnet34_c": 34,
        "resnet110": 110,
        "plain20": 20,
    }


def test_several_tensors_run_on() -> None:
    """What a block gives goes to the inputs of the next, by position or by name alike."""
    blocks = (
        "blocks:\n  two(k):\n    inputs: [...all]\n    outputs: OUT\n    both: concat(all)\n"
        "    a: conv(k, 1)(both)\n    b: conv(k, 3)(both)\n"
    )
    body = "body:\n  p: two(4)\n  q: two(6)\n  out: concat(q)\n"
    for outputs in ("[a, b]", "{low: a, high: b}"):
        arch = compiled(blocks.replace("OUT", outputs) + body)

        assert arch.output.sizes == (12, 16, 16)
        assert arch.state_dict_shapes()["q.b.weight"] == (6, 8, 3, 3)


def test_rest_takes_lists_apart() -> None:
    """Values and lists of them in one row, of which one may be empty: recursion hands them down."""
    arch = compiled(
        "blocks:\n  tree(levels):\n    inputs: [x, ...children]\n"
        "    one: conv(8, 1)(x)\n    more: list(children, x)\n"
        "    two: tree(levels - 1)(one, more, one) if levels > 1 else concat(one, more)\n"
        "body:\n  a: tree(3)\n"
    )

    assert arch.output.channels == 8 * (1 + 5)
