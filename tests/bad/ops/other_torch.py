from torch import nn


class Gates(nn.Module):
    def forward(self, x):
        return x
