"""Notices by mail, chat or webhook: a study has ended, failed or decided, or has had no worker for ten minutes.

SEARCH_NOTIFY holds the addresses, URLs of apprise. They are secrets: they are read from the environment alone, and
neither printed, logged, stored nor passed in arguments. The study's database remembers which notices were sent, so that
of several processes that notice the same, one sends it.
"""
