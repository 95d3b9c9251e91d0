"""Facts that times depend on: the processor, the versions."""

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

import skdnn

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "threadpoolctl",
    "numba",
    "pandas",
    "torch",
    "skorch",
    "catboost",
)
FACTS = ("date", "cpu", "cores", "system", "blas", "python", "skdnn", *PACKAGES)


def describe():
    """Return the facts by name, all of them texts; packages that are not installed are empty."""
    values = (
        date.today().isoformat(),
        cpu(),
        str(os.cpu_count()),
        platform.system(),
        _blas(),
        platform.python_version(),
        skdnn.__version__,
        *map(version_of, PACKAGES),
    )
    return dict(zip(FACTS, values, strict=True))


def cpu():
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _blas():
    used = [info for info in threadpool_info() if info["user_api"] == "blas"]
    texts = {f"{i['internal_api']} {i['version']} {i.get('architecture', '')}" for i in used}
    return ", ".join(sorted(text.strip() for text in texts))


def version_of(package):
    """Return the version of an installed package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
