from archc.ops import Op

SIZES = {"small": 3}


class Gate(Op):
    name = "gate"
    torch_module = "nn.SiLU"
    kernel: int = SIZES["large"]
