"""What is said and kept of weights without PyTorch: why they don't fit, and what a file has beside."""
