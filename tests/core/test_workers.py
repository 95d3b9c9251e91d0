import threading
import time

import pytest

from skdnn.core.workers import ALONE, Workers

N_THREADS = [1, 2, 3]


@pytest.mark.parametrize("number", N_THREADS)
@pytest.mark.parametrize("n_items", [0, 1, 2, 20])
def test_results_are_in_the_order_of_the_items(number, n_items):
    def square(item):
        time.sleep(0.001 * (item % 3))
        return item**2

    with Workers(number) as workers:
        for _ in range(3):
            expected = [item**2 for item in range(n_items)]
            assert workers.map(square, iter(range(n_items))) == expected


@pytest.mark.parametrize("number", [2, 3])
def test_all_threads_take_part(number):
    barrier = threading.Barrier(number)
    with Workers(number) as workers:
        names = workers.map(lambda _: (barrier.wait(10), threading.get_ident()), range(number))
    idents = {ident for _, ident in names}
    assert len(idents) == number
    assert threading.get_ident() in idents


def test_one_worker_starts_no_thread():
    before = threading.active_count()
    with Workers(1) as workers:
        assert workers.map(lambda _: threading.get_ident(), range(5)) == [threading.get_ident()] * 5
        assert threading.active_count() == before


def test_helpers_end_with_the_context():
    with Workers(3) as workers:
        workers.map(time.sleep, [0.001] * 9)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("skdnn")]


class Failure(BaseException):
    """Like KeyboardInterrupt: no Exception."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Failure])
@pytest.mark.parametrize("number", N_THREADS)
def test_what_a_call_raises_reaches_the_caller_and_workers_go_on_to_work(number, error):
    def fail(item):
        if item == 5:
            raise error("here")
        return item

    with Workers(number) as workers:
        with pytest.raises(error, match="here"):
            workers.map(fail, range(9))
        assert workers.map(abs, range(9)) == list(range(9))
        workers.check()


@pytest.mark.parametrize("number", [2, 3])
def test_what_a_helper_raises_reaches_the_caller(number):
    caller = threading.get_ident()
    both = threading.Barrier(2)

    def fail_in_a_helper(item):
        if item < 2:
            both.wait(10)  # one of them is in a helper
        if threading.get_ident() != caller:
            raise ValueError("in a helper")
        return item

    with Workers(number) as workers, pytest.raises(ValueError, match="in a helper"):
        workers.map(fail_in_a_helper, range(2))


def test_helpers_stop_where_they_check_once_the_caller_has_failed():
    caller, both = threading.get_ident(), threading.Barrier(2)
    stopped = []

    def work(workers):
        both.wait(10)
        if threading.get_ident() == caller:
            raise ValueError("the caller's")
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                workers.check()
                time.sleep(0.001)
        except KeyboardInterrupt:
            stopped.append(True)
            raise

    with Workers(2) as workers:
        start = time.monotonic()
        with pytest.raises(ValueError, match="the caller's"):
            workers.map(lambda _: work(workers), range(2))
        assert time.monotonic() - start < 5
        assert stopped == [True]
        assert workers.map(abs, [-1, -2, -3]) == [1, 2, 3]


def test_helpers_take_no_further_item_once_the_caller_has_failed():
    caller, both = threading.get_ident(), threading.Barrier(2)
    failed, taken = threading.Event(), []

    def work(item):
        taken.append(item)
        if item < 2:
            both.wait(10)
        if threading.get_ident() == caller:
            failed.set()
            raise ValueError("the caller's")
        failed.wait(10)
        time.sleep(0.1)  # until the caller has told that it failed

    with Workers(2) as workers, pytest.raises(ValueError, match="the caller's"):
        workers.map(work, range(100))
    assert sorted(taken) == [0, 1]


def test_where_no_thread_can_be_started_the_caller_does_all_the_work(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with Workers(3) as workers:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert workers.map(lambda item: (item, threading.get_ident()), range(5)) == [
            (item, threading.get_ident()) for item in range(5)
        ]
        with pytest.raises(ValueError, match="invalid literal"):
            workers.map(int, ["1", "x"])


def test_where_some_threads_cannot_be_started_the_others_do_the_work(monkeypatch):
    start, started = threading.Thread.start, []

    def start_one(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    with Workers(4) as workers:
        monkeypatch.setattr(threading.Thread, "start", start_one)
        for _ in range(3):
            assert workers.map(abs, range(-9, 0)) == list(range(9, 0, -1))
        monkeypatch.undo()


def test_maps_of_several_threads_at_once_do_not_disturb_each_other():
    outcomes = {}

    def use(name):
        with Workers(2) as workers:
            outcomes[name] = [workers.map(lambda item: item + name, range(5)) for _ in range(20)]

    threads = [threading.Thread(target=use, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in range(4):
        assert outcomes[name] == [[item + name for item in range(5)]] * 20


def test_alone_is_one_worker_that_nothing_stops():
    assert ALONE.number == 1
    assert ALONE.map(abs, [-1]) == [1]
    with pytest.raises(ZeroDivisionError):
        ALONE.map(lambda item: 1 / item, [0])
    ALONE.check()


def test_no_helper_goes_on_behind_the_back_of_a_caller_that_has_failed(monkeypatch):
    caller, both, taken = threading.get_ident(), threading.Barrier(2), []
    start, started = threading.Thread.start, []

    def start_one(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    def work(item):
        taken.append(item)
        if item < 2:
            both.wait(10)
        if threading.get_ident() == caller:
            raise ValueError("the caller's")
        time.sleep(0.05)

    with Workers(3) as workers:
        monkeypatch.setattr(threading.Thread, "start", start_one)
        with pytest.raises(ValueError, match="the caller's"):
            workers.map(work, range(20))
        so_far = len(taken)
        time.sleep(0.2)
        monkeypatch.undo()
        assert len(taken) == so_far <= 3
