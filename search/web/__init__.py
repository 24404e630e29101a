"""optuna-dashboard with what it lacks, one concern per module:

    headers -> hosts -> health -> login -> changes -> downloads -> database -> optuna-dashboard

Each wraps one WSGI application in another; `serving` combines them and passes them to the server.
"""
