"""The exit codes of the commands, and of a process that a signal ends."""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_STORAGE = 3
EXIT_UNFINISHED = 75  # told to leave, or out of time; EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED = 130
