from archc.ops import Conv


class Better(Conv):
    name = "conv"
    torch_module = "nn.Conv2d"
