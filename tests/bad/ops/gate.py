"""An op that is right."""

from archc.ops import Op


class Gate(Op):
    """x times the sigmoid of x."""

    name = "gate"
    torch_module = "nn.SiLU"
