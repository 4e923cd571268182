"""Datasets: their description, their pictures in memory, augmented crops and mixtures."""
