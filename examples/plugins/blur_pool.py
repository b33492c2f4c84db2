"""BlurPool: subsampling that does not alias."""

from archc.ops import (
    Op,
    Positive,
    Shape,
    ShapeFault,
    Tensor,
    Use,
    Windows,
    conv_size,
    expect_layout,
    sliding,
    spell,
)


class BlurPool(Op):
    """Blur with a binomial filter, then keep every `stride`-th element (arXiv:1904.11486)."""

    name = "blur_pool"
    layouts = ("b c h w",)
    torch_module = "BlurPool2d"
    torch_file = "blur_pool2d.py"

    kernel: Positive = 4
    stride: Positive = 2

    def shape(self, x: Shape) -> Shape:
        """Slide the filter over the map, padded by its own reflection."""
        expect_layout(self, x)
        if min(x.spatial) <= self.kernel // 2:
            raise ShapeFault(
                "padding-too-large",
                f"`blur_pool` reflects {self.kernel // 2} elements of a map of {x}",
                "use a smaller `kernel`, or a larger map",
            )
        padded = (size + self.kernel - 1 for size in x.spatial)
        return x.with_spatial(tuple(conv_size(s, self.kernel, self.stride, 0, 1) for s in padded))

    def tensors(self, x: Shape) -> dict[str, Tensor]:
        """Own the filter, once for each channel; it is not trained."""
        return {"filt": Tensor((x.channels, 1, self.kernel, self.kernel), trainable=False)}

    def macs(self, x: Shape) -> int:
        """Count a multiply-add for each element of the filter at each place of the output."""
        return self.shape(x).numel * self.kernel**2

    def sees(self, x: Shape) -> Windows:  # noqa: ARG002
        """See what is under the filter; this is for receptive fields."""
        before = (self.kernel - 1) // 2
        return sliding((self.kernel,) * 2, (self.stride,) * 2, (before, before))

    @classmethod
    def module(cls, use: Use) -> str:
        """Spell BlurPool2d, which is told its channels."""
        return spell(cls.torch_module, use.channels[0], use.kernel, stride=(use.stride, 2))

    def onnx(self, call):  # noqa: ANN001, ANN201 - what it takes is told in docs/onnx.md
        """Pad by reflection, then convolve each channel with its filter."""
        before, behind = (self.kernel - 1) // 2, self.kernel // 2
        sides = call.graph.ints([0, 0, before, before, 0, 0, behind, behind])
        padded = call.graph.node("Pad", call.x, sides, mode="reflect")
        strides = [self.stride, self.stride]
        channels = call.shape.channels
        return call.graph.node("Conv", padded, call.own["filt"], strides=strides, group=channels)
