"""A network as a file of PyTorch source, by way of Python's own syntax tree."""
