"""Workers that are killed cost their tasks: a short run of benchmarks.reliability.worker_kills."""

import signal

import pytest

from benchmarks.reliability import worker_kills

pytest.importorskip("dask.distributed")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_fits_of_which_a_worker_is_killed_end_with_the_same_bits(capsys):
    assert not worker_kills.main(["--kills", "1"])
    assert capsys.readouterr().out.startswith("1 workers killed in ")
