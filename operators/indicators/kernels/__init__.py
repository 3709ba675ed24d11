"""Compiled loops over batches. What they compute is described by `operators.indicators.plan`."""
