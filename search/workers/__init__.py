"""Workers: they claim slots, have them trained, and end their trials. See `search/workers/loop.py`."""
