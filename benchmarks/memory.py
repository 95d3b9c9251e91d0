"""Peak memory of this process."""

import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes():
    """Return the most memory that this process has had in use.

    On Linux not from ``getrusage``: a child process starts there with its parent's peak.
    """
    if STATUS.exists():
        lines = STATUS.read_text(encoding="utf-8").splitlines()
        (peak,) = [line for line in lines if line.startswith("VmHWM:")]
        return int(peak.split()[1]) * 1024
    import resource  # Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak():
    """Let the peak start again from what is in use now, where the system can."""
    if CLEAR.exists():
        CLEAR.write_text("5", encoding="ascii")
