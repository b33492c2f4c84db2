import torch

from archc.ops import Op


class Gate(Op):
    name = "gate"
    torch_module = torch.nn.SiLU
