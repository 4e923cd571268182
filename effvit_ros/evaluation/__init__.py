"""Recorded flights scored: how right, how fast and how steady a bundle is on a bag."""
