from archc.ops import Facts, Op


class Gate(Op):
    """Its facts are none that there are."""

    name = "gate"
    torch_module = "nn.Sigmoid"
    facts = Facts(kind="valve", follows="yes")
