"""Pages, contact sheets and progress, as every report of the project shows them."""
