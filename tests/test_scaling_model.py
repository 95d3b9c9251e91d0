"""The cost model of benchmarks.scaling agrees with its formulas where these are exact."""

import numpy as np
import pytest

pytest.importorskip("dask.distributed")
scaling = pytest.importorskip("benchmarks.scaling")

JOB = scaling.Job(
    n_rows=80_000,
    n_partitions=8,
    n_epochs=3,
    n_members=2,
    n_parameters=1000,
    batch_size=100,
    partitions_per_round=8,
    steps_per_round=10,
)
MACHINE = scaling.Machine(
    n_workers=1, n_cores=1, row_seconds=1e-4, read_seconds=1e-5, bandwidth=np.inf, task_seconds=0.0
)


def test_without_communication_and_noise_a_fit_takes_rows_times_seconds(monkeypatch):
    monkeypatch.setattr(scaling, "SPREAD", 0.0)
    for n_workers in (1, 2, 4, 8):
        machine = MACHINE._replace(n_workers=n_workers, n_cores=n_workers)
        reading, training = scaling.simulate(JOB, machine)
        assert reading == pytest.approx(80_000 * 1e-5 / n_workers)
        assert training == pytest.approx(3 * 80_000 * 2 * 1e-4 / n_workers)


def test_more_workers_than_cores_are_not_faster():
    times = [scaling.simulate(JOB, MACHINE._replace(n_workers=n))[1] for n in (1, 4)]
    assert times[1] >= 0.95 * times[0]


def test_the_number_of_rounds_is_rows_over_the_rows_of_a_round():
    job = JOB._replace(n_rows=8_000_000)
    assert job.rounds().n_rounds == 3 * 8_000_000 // (8 * 10 * 100)


def test_a_round_sends_the_start_to_each_worker_and_each_difference_once():
    message = 4 * 3 * 1000
    assert scaling.bytes_a_round(JOB, 1) == message * (1 + 0 + 1)
    assert scaling.bytes_a_round(JOB, 4) == message * (4 + 8 * 3 / 4 + 1)


def test_waiting_for_the_slowest_task_takes_time():
    noisy = scaling.simulate(JOB, MACHINE._replace(n_workers=8, n_cores=8))[1]
    assert noisy > 3 * 80_000 * 2 * 1e-4 / 8


def test_tables_without_measurements_say_so(tmp_path, monkeypatch):
    page = tmp_path / "scaling.md"
    page.write_text(scaling.PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(scaling, "PAGE", page)
    monkeypatch.setattr(scaling, "CONSTANTS", tmp_path / "scaling.json")
    monkeypatch.setattr(scaling, "RESULTS", tmp_path / "dask_fit.csv")
    scaling.report()
    assert page.read_text("utf-8").count("Not measured yet") == 3


def test_the_page_shows_the_measurements_of_their_files(tmp_path, monkeypatch):
    shown, page = scaling.PAGE.read_text("utf-8"), tmp_path / "scaling.md"
    page.write_text(shown, "utf-8")
    monkeypatch.setattr(scaling, "PAGE", page)
    scaling.report()
    assert page.read_text("utf-8") == shown
