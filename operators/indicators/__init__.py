"""Windowed measures of a tape: catalogue, shared rings, kernels and the keyed step."""
