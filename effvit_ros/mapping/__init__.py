"""Label images laid on the ground: poses, projection, fusion and what is written of the map."""
