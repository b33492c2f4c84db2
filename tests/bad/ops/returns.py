from archc.ops import Op, Shape


class Half(Op):
    name = "half_as_many"
    torch_module = "nn.Identity"

    def shape(self, x: Shape) -> Shape:
        return x

    def macs(self, x: Shape) -> int:
        return x.numel / 2
