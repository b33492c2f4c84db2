"""Weights from files, from torchvision and timm: found, read without running anything, loaded whole."""
