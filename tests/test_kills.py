"""Fits that are killed go on: a short run of ``benchmarks.reliability.kills``."""

import importlib.util
import signal

import pytest

from benchmarks.reliability import kills

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("sklearn.callback") is None,
        reason="scikit-learn has callbacks since 1.9",
    ),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
]


@pytest.mark.slow
def test_fits_killed_at_random_moments_end_with_the_same_bits(capsys):
    assert not kills.main(["--kills", str(2 * len(kills.CASES))])
    total = dict(zip(kills.Outcome._fields, capsys.readouterr().out.split()[-6:], strict=True))
    assert int(total["n_kills"]) == 2 * len(kills.CASES)
    assert int(total["n_fits"]) >= len(kills.CASES)
    assert int(total["n_with_file"]) > 0
