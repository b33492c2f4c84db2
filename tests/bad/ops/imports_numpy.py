from archc.ops import Op


class Gate(Op):
    name = "gate"
    torch_module = "Gate"
    torch_file = "numpy_torch.py"
