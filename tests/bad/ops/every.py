from archc.ops import Op


class Gate(Op):
    """Its arguments have names of what every op has."""

    name = "gate"
    torch_module = "nn.Sigmoid"
    macs: int = 0
    drawn: bool = True
