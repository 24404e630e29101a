"""optuna-dashboard behind what it lacks, one concern a module:

    headers -> hosts -> health -> login -> changes -> downloads -> database -> optuna-dashboard

Each wraps a WSGI application in another; `serving` puts them together and gives them to the server.
"""
