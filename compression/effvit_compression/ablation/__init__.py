"""Ablations: a recipe's rows, each trained in its own process, and one table of them all."""
