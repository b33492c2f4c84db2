"""What emitted files need and PyTorch has not: a literal of Python source by name."""

HELPERS: dict[str, str] = {
    "DropPath": '''\
class DropPath(nn.Module):
    """Drop the whole branch of some samples while training (arXiv:1603.09382)."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        noise = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep)
        return x * noise.div_(keep) if keep > 0 else x * noise

    def extra_repr(self):
        return f"p={self.p}"
''',
    "LayerNorm2d": '''\
class LayerNorm2d(nn.LayerNorm):
    """Normalise the channels where they are the dimension after the batch."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
''',
    "Permute": '''\
class Permute(nn.Module):
    """Reorder the dimensions."""

    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)
''',
    "ChannelAffine": '''\
class ChannelAffine(nn.Module):
    """Scale and shift each channel by a fixed number; not in the state_dict."""

    def __init__(self, scale, shift):
        super().__init__()
        for name, numbers in (("scale", scale), ("shift", shift)):
            values = torch.tensor(numbers).view(-1, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, x):
        return x * self.scale + self.shift
''',
    "pad_to": '''\
def pad_to(x, size, *, channels_last=False):
    """Pad a map with zeros at the right and the bottom to a multiple of size."""
    height, width = x.shape[1:3] if channels_last else x.shape[2:]
    pads = (0, -width % size[1], 0, -height % size[0])
    return F.pad(x, (0, 0, *pads) if channels_last else pads)
''',
    "same_padding": '''\
def same_padding(kernel, dilation=1):
    """Return the padding that keeps the size at stride 1, for an odd kernel."""
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    dh, dw = dilation if isinstance(dilation, tuple) else (dilation, dilation)
    return (kh - 1) // 2 * dh, (kw - 1) // 2 * dw
''',
}
