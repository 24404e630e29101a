"""Communication between a worker and its trainer: the process, the protocol, and the server that starts it."""
