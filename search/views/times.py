"""Times for people."""


def seconds(time_s: float) -> str:
    """A number of seconds to two digits where it is short: 0.034, 1.4, 140."""
    return f"{time_s:.2g}" if time_s < 10 else f"{time_s:.0f}"


def duration(seconds: float) -> str:
    """A time for people: 8 s, 2 min 05 s, 3 h 10 min, 2 d 3 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
