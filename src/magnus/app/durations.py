"""How long something took, as people read it everywhere but in the run log."""


def elapsed(seconds: float) -> str:
    """Such as `0.4 ms`, `12 ms`, `1.6 s`, `36 s`, `3 m 05 s`, `2 h 10 m` or `3 d 4 h`; never less than nothing."""
    seconds = max(seconds, 0.0)
    if round(seconds, 4) < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if round(seconds, 3) < 1 else so_far(seconds)


def so_far(seconds: float) -> str:
    """A duration that grows, likewise, without milliseconds."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, seconds_left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {seconds_left:02} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02} m" if hours < 24 else f"{hours // 24} d {hours % 24} h"
