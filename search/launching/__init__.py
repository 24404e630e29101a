"""A launch: the plan, the run, and the live view of it."""
