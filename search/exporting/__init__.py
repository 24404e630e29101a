"""From a completed trial to files that stand on their own."""
