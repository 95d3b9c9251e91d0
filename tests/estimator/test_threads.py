import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skdnn.estimator import threads
from skdnn.estimator.threads import n_threads, single_threaded_blas, threads_apart


def blas_threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def set_blas_threads(number):
    # threadpoolctl lets only one living thread set OpenBLAS's limit: let it be one that ends.
    setter = threading.Thread(target=threadpool_limits, args=(number, "blas"))
    setter.start()
    setter.join()


@pytest.fixture(autouse=True)
def _two_threads():
    """Let BLAS use two threads, so that a limit of one can be seen."""
    before = max(blas_threads())
    set_blas_threads(2)
    if blas_threads() != {2}:
        pytest.skip("this BLAS cannot be told to use two threads")
    yield
    set_blas_threads(before)


def test_blas_has_one_thread_inside_and_what_it_had_before_outside():
    with single_threaded_blas() as before:
        assert before == 2
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_the_limit_is_lifted_after_an_error():
    with pytest.raises(ZeroDivisionError), single_threaded_blas():
        raise ZeroDivisionError
    assert blas_threads() == {2}
    with single_threaded_blas():
        assert blas_threads() == {1}


def test_the_outermost_of_nested_limits_lifts_it():
    with single_threaded_blas():
        with single_threaded_blas() as before:
            assert before == 2
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_the_first_of_overlapping_limits_outlasts_the_second():
    first_is_in, second_is_out = threading.Event(), threading.Event()
    seen = []

    def first():
        with single_threaded_blas():
            first_is_in.set()
            assert second_is_out.wait(60)
            seen.append(blas_threads())

    def second():
        assert first_is_in.wait(60)
        with single_threaded_blas() as before:
            seen.append(before)
            seen.append(blas_threads())
        second_is_out.set()

    with ThreadPoolExecutor(2) as executor:
        for future in [executor.submit(first), executor.submit(second)]:
            future.result()
    assert seen == [2, {1}, {1}]
    assert blas_threads() == {2}


def test_without_a_number_there_are_as_many_threads_as_blas_had():
    assert n_threads(None, 1) == 1
    assert n_threads(None, 10**6) == joblib.cpu_count()


@pytest.mark.parametrize("n_jobs", [1, 3, -1, -2, -(10**6)])
def test_a_number_means_what_it_means_to_joblib(n_jobs):
    assert n_threads(n_jobs, 1) == joblib.effective_n_jobs(n_jobs)


@pytest.mark.parametrize("n_cores", [1, 2, 5])
def test_there_are_no_more_threads_than_cores(n_cores, monkeypatch):
    monkeypatch.setattr(threads, "cpu_count", lambda: n_cores)
    for n_jobs, expected in ((1, 1), (8, n_cores), (-1, n_cores)):
        with threads_apart(n_jobs) as workers:
            assert workers.number == expected


def test_the_last_of_overlapping_limits_lifts_it():
    first_is_in, second_is_in, first_is_out, second_is_out = (threading.Event() for _ in range(4))
    seen = []

    def first():
        with single_threaded_blas():
            first_is_in.set()
            assert second_is_in.wait(60)
        seen.append(blas_threads())
        first_is_out.set()
        assert second_is_out.wait(60)  # this thread lives on, as one of a pool does

    def second():
        assert first_is_in.wait(60)
        with single_threaded_blas() as before:
            seen.append(before)
            second_is_in.set()
            assert first_is_out.wait(60)
            seen.append(blas_threads())
        seen.append(blas_threads())
        second_is_out.set()

    with ThreadPoolExecutor(2) as executor:
        for future in [executor.submit(first), executor.submit(second)]:
            future.result()
    assert seen == [2, {1}, {1}, {2}]
    assert blas_threads() == {2}


def test_many_users_at_once_leave_the_limit_as_it_was():
    def use(number):
        try:
            with single_threaded_blas() as before:
                if number % 3 == 0:
                    raise KeyError(number)
                return before, blas_threads()
        except KeyError:
            return 2, {1}

    with ThreadPoolExecutor(8) as executor:
        assert all(result == (2, {1}) for result in executor.map(use, range(60)))
    assert blas_threads() == {2}


def test_blas_is_limited_in_a_thread_while_another_one_holds_a_limit_of_its_own():
    def use():
        with single_threaded_blas():
            return blas_threads()

    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as executor:
        assert executor.submit(use).result() == {1}
        assert blas_threads() == {2}
    assert blas_threads() == {2}


def test_the_matrix_product_of_compiled_loops_is_limited_too():
    code = """
from skdnn.estimator.threads import single_threaded_blas
with single_threaded_blas():
    import scipy.linalg.cython_blas
    from threadpoolctl import threadpool_info
    print({info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"})
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "{1}"


def test_there_are_no_more_threads_than_pieces_of_work():
    with threads_apart(3, at_most=2) as workers:
        assert workers.number == 2
        assert workers.map(abs, [-1, -2, -3]) == [1, 2, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_forked_during_a_fit_has_its_blas_threads_back():
    with single_threaded_blas():
        child = os.fork()
        if child == 0:
            os._exit(0 if blas_threads() == {2} else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert blas_threads() == {1}
    assert blas_threads() == {2}
