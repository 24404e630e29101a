"""A worker's way to its trainer: its process, what they say to each other, and the server that starts it."""
