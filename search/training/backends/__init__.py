"""The machine under Keras: what the process is set up with, and what only one backend of Keras can do."""
