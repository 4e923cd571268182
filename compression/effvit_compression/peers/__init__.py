"""Other people's networks under the same treatment as ours, to be timed side by side."""
