"""A study as the search sees it: its space, its trials, its files and images."""
