"""Build on features of a network: what they are is known before PyTorch is imported."""

from pathlib import Path

import torch

import archc

# The features of any network of the zoo, with what a neck needs to know of them.
chosen = ["layer2", "layer3", "layer4"]
features = archc.compile("resnet50", outputs=chosen).features
for feature in features:
    print(f"{feature.name}: {feature.channels} channels, reduction {feature.reduction}")

model = archc.load("resnet50", outputs=chosen)
values = model(torch.randn(1, 3, 64, 64))
assert [v.shape[1] for v in values.values()] == [f.channels for f in features]
assert not hasattr(model, "fc")  # nothing is built that no feature needs

# A spec can import the network instead: here a pixel classifier on two of its stages.
arch = archc.compile(Path(__file__).parent / "imports" / "pixels.yaml")
print(f"{arch.name}: {arch.params:,} params, {arch.output}, reduction {arch.features[0].reduction}")
assert "class ResNet(nn.Module)" in arch.source()
