"""What the examination of a machine says of trainer servers that outlive their launch."""

import psutil

from search.host.examination import Finding
from search.trainers.server_folder import FolderUnusable
from search.trainers.warm_servers import WarmServer, warm_servers

NAME = "servers"


def servers_finding() -> Finding:
    """The user's servers: what each does, what memory it holds, and when it leaves."""
    try:
        servers = warm_servers()
    except FolderUnusable as error:
        return Finding(NAME, "note", str(error), "Mend the folder, or do without --keep-warm.")
    if not servers:
        return Finding(NAME, "ok", "no launch has left a trainer server (--keep-warm)")
    silent = any(server.state is None for server in servers)
    advice = "One that doesn't answer is busy or suspended. To end them: python -m search.stop --server"
    found = "; ".join(map(in_words, servers))
    return Finding(NAME, "note" if silent else "ok", found, advice if silent else "")


def in_words(server: WarmServer) -> str:
    """What a server does."""
    state = server.state
    if state is None:
        return "a kept trainer server doesn't answer"
    if state.launches:
        use = f"used by {state.launches} launch{'' if state.launches == 1 else 'es'}"
    else:
        use = f"idle, leaves in {max(0.0, state.leaves_after_s - state.idle_s):.0f} s"
    return f"process {state.pid} is kept with Keras imported: {use}{memory(state.pid)}"


def memory(pid: int) -> str:
    """The memory that the process holds by itself, which its end would free, in words; nothing if it has gone."""
    try:
        return f", {psutil.Process(pid).memory_full_info().uss / 1e6:.0f} MB"
    except psutil.Error:
        return ""
