"""The workstation half of effvit_ros: train, distil, prune, quantise and export segmenters."""
