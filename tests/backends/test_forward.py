"""Forward methods read as a person writes them: what stands in a line, and what it is called."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

import archc
from archc import api
from archc.backends.torchfile.file import source
from archc.backends.torchfile.listing import Lists

FORWARDS = {
    ("resnet20", "Basic"): """
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)
    """,
    ("googlenet", "Inception"): """
        branch1 = self.branch1(x)
        branch2 = self.branch2(x)
        branch3 = self.branch3(x)
        branch4 = self.branch4(x)
        return torch.cat([branch1, branch2, branch3, branch4], dim=1)
    """,
    ("shufflenet_v2_x1_0", "Unit"): """
        x1, x2 = x.chunk(2, dim=1)
        x = torch.cat([x1, self.branch2(x2)], dim=1)
        return x.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)
    """,
    ("hrnet_w18_small", "Exchange"): """
        branches = [layer(x) for layer, x in zip(self.branches, maps)]
        fuse_layers = []
        for layers in self.fuse_layers:
            y = [layer(x) for layer, x in zip(layers, branches)]
            fuse_layers.append(F.relu(sum(y[1:], y[0]), inplace=True))
        return fuse_layers
    """,
}


def forward(text: str, name: str) -> str:
    """Return the body of the forward method of a class of a file."""
    cls = next(c for c in ast.parse(text).body if isinstance(c, ast.ClassDef) and c.name == name)
    method = next(m for m in cls.body if isinstance(m, ast.FunctionDef) and m.name == "forward")
    return "\n".join(ast.unparse(s) for s in method.body)


@pytest.mark.parametrize(("network", "name"), FORWARDS)
def test_a_forward_method_reads_as_a_person_writes_it(network: str, name: str) -> None:
    text = source(api.compile(network).network, version=archc.__version__)
    expected = ast.unparse(ast.parse(dedent(FORWARDS[network, name])))
    assert forward(text, name) == expected


def test_what_is_for_training_alone_runs_in_training() -> None:
    text = source(api.compile("googlenet").network, version=archc.__version__)
    body = forward(text, "GoogleNet")
    assert "if self.training:\n    aux1 = self.aux1(inception4a)" in body
    assert "return {'logits': fc, 'aux2': aux2, 'aux1': aux1}\nreturn fc" in body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = []\nfor i in range(3):\n    a.append(f(i))", "a = [f(i) for i in range(3)]"),
        # the list is read in the loop: it stays a loop
        ("a = []\nfor i in range(3):\n    a.append(a[0])", None),
        # only some turns take an entry, so that the list may be shorter
        ("for i in range(len(a)):\n    if t:\n        x = a[i](x)", None),
        ("for i in range(len(a)):\n    x = x + a[i]", "for s in a:\n    x = x + s"),
        # the index is read beside the entry
        ("for i in range(len(a)):\n    x = x + a[i] + i", None),
        # how long `b` is nobody knows
        ("for i in range(len(a)):\n    x = x + b[i]", None),
        # the list is another one in the next turn
        ("for i in range(len(a)):\n    a = f(a[i])", None),
        ("for i, c in enumerate((4, 8)):\n    x = f(x, i)", "for i in range(2):\n    x = f(x, i)"),
    ],
)
def test_loops_are_displays_where_that_says_the_same(text: str, expected: str | None) -> None:
    tidied = Lists(ast.parse(text).body, {}).tidied()
    for node in (n for s in tidied for n in ast.walk(s)):
        if isinstance(node, ast.Name) and not node.id.isascii():
            node.id = "s"
    assert "\n".join(map(ast.unparse, tidied)) == (expected or text)
