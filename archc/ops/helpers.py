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
    "StochasticDepth": '''\
class StochasticDepth(nn.Module):
    """Drop the branch for some batches; in inference, scale it down (arXiv:1603.09382)."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        keep = 1 - self.p
        return x * (x.new_empty(()).bernoulli_(keep) if self.training else keep)

    def extra_repr(self):
        return f"p={self.p}"
''',
    "LiveMean": '''\
class LiveMean(nn.Module):
    """Average what lives: while training each is dropped, but never all (arXiv:1605.07648)."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, *xs):
        if self.training and self.p > 0:
            live = torch.rand(len(xs)) >= self.p
            if not live.any():
                live[torch.randint(len(xs), ())] = True
            xs = [x for x, alive in zip(xs, live.tolist()) if alive]
        return sum(xs[1:], xs[0]) / len(xs)

    def extra_repr(self):
        return f"p={self.p}"
''',
    "MaskedBiasLinear": '''\
class MaskedBiasLinear(nn.Linear):
    """A linear map of which some of as many equal parts as the mask has have no bias."""

    def __init__(self, in_features, out_features, mask):
        super().__init__(in_features, out_features)
        self.mask = mask

    def forward(self, x):
        parts = self.bias.chunk(len(self.mask))
        parts = [
            parts[k] if m else torch.zeros_like(parts[k])
            for k, m in enumerate(self.mask)
        ]
        return F.linear(x, self.weight, torch.cat(parts))
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
@torch.fx.wrap
def pad_to(x, size, *, channels_last=False):
    """Pad a map with zeros at the right and the bottom to a multiple of size."""
    height, width = x.shape[1:3] if channels_last else x.shape[2:]
    pads = (0, -width % size[1], 0, -height % size[0])
    return F.pad(x, (0, 0, *pads) if channels_last else pads)
''',
    "crop_to": '''\
def crop_to(x, other):
    """Return the middle of a map, as large as another."""
    height, width = other.shape[-2:]
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]
''',
    "same_padding": '''\
def same_padding(kernel, dilation=1):
    """Return the padding that keeps the size at stride 1, for an odd kernel."""
    kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    dh, dw = dilation if isinstance(dilation, tuple) else (dilation, dilation)
    return (kh - 1) // 2 * dh, (kw - 1) // 2 * dw
''',
    "attention": '''\
def attention(q, k, v, heads, *terms, scale=None):
    """Attend in heads, by PyTorch's kernel: softmax(q k^T scale + terms) v."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-3, -2) for x in (q, k, v))
    mask = sum(terms[1:], terms[0]) if terms else None
    x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
    return x.transpose(-3, -2).flatten(-2)
''',
    "attention_by_steps": '''\
def attention_by_steps(q, k, v, heads, *terms, scale=None):
    """Attend in heads, step by step: softmax(q k^T scale + terms) v."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-3, -2) for x in (q, k, v))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    logits = (q * scale) @ k.transpose(-2, -1)
    for term in terms:
        logits = logits + term
    return (logits.softmax(-1) @ v).transpose(-3, -2).flatten(-2)
''',
    "cosine_attention": '''\
def cosine_attention(q, k, v, heads, log_scale, *terms):
    """Attend in heads by the angles of queries and keys (arXiv:2111.09883)."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-3, -2) for x in (q, k, v))
    logits = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
    logits = logits * log_scale.clamp(max=math.log(100)).exp()
    for term in terms:
        logits = logits + term
    return (logits.softmax(-1) @ v).transpose(-3, -2).flatten(-2)
''',
    "pair": '''\
def pair(value):
    """Return (height, width) of a number that may stand for both."""
    return value if isinstance(value, tuple) else (value, value)
''',
    "pad_same": '''\
@torch.fx.wrap
def pad_same(x, kernel, stride=1, dilation=1, value=0.0):
    """Pad a map so that a stride of s gives 1 / s of it, rounded up, as TensorFlow does."""
    pads = []
    windows = pair(kernel), pair(stride), pair(dilation)
    for size, k, s, d in zip(x.shape[2:], *windows):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads, value=value)
''',
    "window_shift": '''\
def window_shift(x, size, shift):
    """Return by how much a map is rolled: not at all where it is one window long."""
    return [
        s if length > window else 0
        for length, window, s in zip(x.shape[1:3], pair(size), pair(shift))
    ]
''',
    "window_partition": '''\
@torch.fx.wrap
def window_partition(x, size, shift=0):
    """Cut a map (N, H, W, C) that is rolled first into windows (N, windows, tokens, C)."""
    (h, w), (down, across) = pair(size), window_shift(x, size, shift)
    x = torch.roll(x, (-down, -across), (1, 2)) if down or across else x
    x = x.unflatten(2, (-1, w)).unflatten(1, (-1, h)).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)
''',
    "window_merge": '''\
@torch.fx.wrap
def window_merge(windows, x, size, shift=0):
    """Put windows back into a map of the size of x, which may have been padded."""
    (h, w), (down, across) = pair(size), window_shift(x, size, shift)
    height, width = x.shape[1:3]
    y = windows.unflatten(2, (h, w)).unflatten(1, (-(-height // h), -(-width // w)))
    y = y.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    y = torch.roll(y, (down, across), (1, 2)) if down or across else y
    return y[:, :height, :width]
''',
    "window_mask": '''\
@torch.fx.wrap
def window_mask(x, size, shift=0):
    """Return -100 for pairs in a window that were not side by side before the map was rolled."""
    parts = []
    for length, window, s in zip(
        x.shape[1:3], pair(size), window_shift(x, size, shift)
    ):
        places = torch.arange(length, device=x.device)
        parts.append((places >= length - window).int() + (places >= length - s).int())
    regions = 3 * parts[0][:, None] + parts[1]
    tokens = window_partition(regions[None, :, :, None], size).flatten(2)
    apart = tokens[0, :, None, None, :] != tokens[0, :, None, :, None]
    return apart.to(x.dtype) * -100
''',
    "grid_partition": '''\
def grid_partition(x, size):
    """Cut a map (N, H, W, C) into windows of places spread evenly (N, windows, tokens, C)."""
    h, w = pair(size)
    x = x.unflatten(2, (w, -1)).unflatten(1, (h, -1)).permute(0, 2, 4, 1, 3, 5)
    return x.flatten(3, 4).flatten(1, 2)
''',
    "grid_merge": '''\
def grid_merge(windows, x, size):
    """Put windows of places spread evenly back into a map of the size of x."""
    h, w = pair(size)
    y = windows.unflatten(2, (h, w)).unflatten(1, (x.shape[1] // h, -1))
    return y.permute(0, 3, 1, 4, 2, 5).flatten(3, 4).flatten(1, 2)
''',
    "relative_position_index": '''\
def relative_position_index(size):
    """Number the offset of each pair of tokens in a window: (tokens, tokens)."""
    h, w = pair(size)
    rows, columns = (
        x.flatten()
        for x in torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    )
    down, across = (x[:, None] - x for x in (rows, columns))
    return (down + h - 1) * (2 * w - 1) + across + w - 1
''',
    "relative_position_bias": '''\
def relative_position_bias(table, index):
    """Look up the bias of each pair of tokens in a window: (heads, tokens, tokens)."""
    bias = table.flatten(0, -2)[index.flatten()]
    return bias.unflatten(0, (math.isqrt(index.numel()), -1)).permute(2, 0, 1)
''',
    "relative_coordinates": '''\
def relative_coordinates(size):
    """Return the offsets in a window, from -8 to 8 and spaced by logarithms (arXiv:2111.09883)."""
    sides = [8 * torch.arange(1 - s, s) / max(s - 1, 1) for s in pair(size)]
    x = torch.stack(torch.meshgrid(*sides, indexing="ij"), dim=-1)[None]
    return x.sign() * torch.log2(x.abs() + 1) / 3
''',
}
