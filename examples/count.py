"""Compile networks and print their numbers; no PyTorch is needed."""

import archc

print(f"{'network':<16} {'depth':>5} {'params':>12} {'MACs':>15}")
for name in ("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"):
    arch = archc.compile(name)
    print(f"{arch.name:<16} {arch.depth:>5} {arch.params:>12,} {arch.macs:>15,}")

print()
for width in (64, 96, 128):
    arch = archc.compile("resnet50", base=width, num_classes=10)
    print(f"resnet50 with base={width} and 10 classes: {arch.params:,} params")

# The stages, for a neck or a pipeline: name, channels and stride.
arch = archc.compile("resnet50")
height = arch.input.get("h")
for stage in arch.stages:
    size = stage.output.get("h")
    stride = f", stride {height // size}" if size else ""
    print(f"{stage.name}: {stage.output.channels} channels{stride}")

assert arch.params == 25_557_032
