"""Threads that share the items of a map: the one that calls it, and some helpers."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait


class Workers:
    """A context of threads for the items of :meth:`map`; they end with it.

    Parameters
    ----------
    number : int
        Threads at most, this one included.
    """

    def __init__(self, number=1):
        self.number = number
        self._executor = ThreadPoolExecutor(number - 1, "skdnn") if number > 1 else None
        self._stopping = threading.Event()

    def __enter__(self):
        """Return the workers."""
        return self

    def __exit__(self, *error):
        """End the helpers."""
        self._stopping.set()
        if self._executor is not None:
            self._executor.shutdown()

    def check(self):
        """Raise KeyboardInterrupt if the thread that called :meth:`map` has failed meanwhile."""
        if self._executor is not None and self._stopping.is_set():
            raise KeyboardInterrupt

    def map(self, function, items):
        """Return ``[function(item) for item in items]``, computed on all threads.

        If this thread is interrupted, or a call fails, the helpers stop at their next item or
        :meth:`check`, and the exception is raised when they have.
        """
        items = list(items)
        results, queue = [None] * len(items), enumerate(items)  # taking from it is thread-safe

        def work():
            for index, item in queue:
                self.check()
                results[index] = function(item)

        helpers = []
        try:
            for _ in range(min(self.number, len(items)) - 1):
                helpers.append(self._executor.submit(work))
        except RuntimeError:
            pass  # no more threads can be started; those that have been started do the work
        try:
            work()
            for helper in helpers:
                helper.result()
        except BaseException:
            list(queue)  # empty it, so that helpers take no further items
            self._stopping.set()
            wait(helpers)
            self._stopping.clear()
            raise
        return results


ALONE = Workers()
