"""The initialisers that `init:` knows by name, and the sizes that they may ask of a tensor."""

from __future__ import annotations

# By name: how many arguments at least and at most; the first of kaiming's is the fan.
INITIALISERS = {
    "zeros": (0, 0),
    "ones": (0, 0),
    "normal": (0, 2),
    "trunc_normal": (0, 2),
    "uniform": (1, 1),
    "xavier_uniform": (0, 0),
    "xavier_normal": (0, 0),
    "kaiming_normal": (0, 1),
    "kaiming_uniform": (0, 1),
}
FANS = ("fan_in", "fan_out", "in_features", "out_features")
