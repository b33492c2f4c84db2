"""Weights of one network for another: both become graphs, which are aligned, and outputs judge."""
