"""A trainer that says the same to every command, whichever it is."""

import sys
from collections.abc import Sequence

import msgspec

from search.trainers.protocol import Message, Ready

SAYS = """
import os, sys
said, commands, messages = sys.argv[1], *(int(flag.rpartition("=")[2]) for flag in sys.argv[2:])
ready, _, answer = said.partition("\\n")
os.write(messages, (ready + "\\n").encode())
for _ in os.fdopen(commands):
    os.write(messages, answer.encode())
"""


def scripted_trainer(messages: Sequence[Message]) -> Sequence[str]:
    """The command that starts a trainer which answers each command with these messages, and lives until its worker
    is gone.
    """
    lines = [msgspec.json.encode(message).decode() for message in (Ready("stub", "cpu"), *messages)]
    return sys.executable, "-c", SAYS, "\n".join(lines) + "\n"
