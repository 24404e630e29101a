"""The machine under Keras: how this process is set up for it, and what compiled programs need of its backend."""
