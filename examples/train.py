"""Load ResNet-20 and train it for some steps on random images."""

import torch
from torch import nn

import archc

torch.manual_seed(0)
torch.set_num_threads(1)
model = archc.load("resnet20", num_classes=10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
images, labels = torch.randn(8, 3, 32, 32), torch.randint(10, (8,))

losses = []
for step in range(6):
    loss = nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    print(f"step {step}: loss {losses[-1]:.3f}")

assert losses[-1] < losses[0]
