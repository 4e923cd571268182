"""What demo, bench, soak and live evaluation stand on: nodes as processes, streams watched."""
