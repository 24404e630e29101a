"""Logs, external text made safe to show, standard error held back."""
