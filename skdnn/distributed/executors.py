"""Executors: where the pure functions of a distributed fit run.

An executor is an object with these methods and attributes. The algorithm uses nothing else of a
cluster, so that another engine needs only a class like :class:`DaskExecutor`.

- ``map(function, *columns)``: ``function(*arguments)`` for the arguments in each row of the
  columns, as a list of references. Arguments are partitions, references, lists of references, or
  small values. Functions are pure: what is lost with a machine is computed again.
- ``share(value)``: a reference to a value that many calls use, such as all parameters.
- ``gather(references)``: the values, as a list in the same order.
- ``n_slots``: the number of calls that run at the same time.
"""

import warnings

from skdnn.distributed.dask_collections import import_dask

FAN_IN = 8  # references that a call of a tree reduction merges


class DaskExecutor:
    """Runs calls as tasks of a Dask cluster, by default that of the current client.

    The scheduler keeps the recipe of each result while it is needed, so that what is lost with a
    worker is computed again. Scattered data would have no recipe: what is shared is the result of a
    task, too.
    """

    def __init__(self, client=None):
        self.client = import_dask("distributed").get_client() if client is None else client

    @property
    def n_slots(self):
        """Number of threads of all workers."""
        return max(1, sum(self.client.nthreads().values()))

    def map(self, function, *columns):
        """Return futures of the results."""
        from dask import delayed

        call = delayed(function, pure=False)
        return self.client.compute([call(*arguments) for arguments in zip(*columns, strict=True)])

    def share(self, value):
        """Return a future of the value, which workers fetch from each other."""
        with warnings.catch_warnings():
            # Dask advises to scatter what is large.
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            return self.client.submit(_itself, value, pure=False)

    def gather(self, references):
        """Return the values; if a call failed, its error is raised."""
        return self.client.gather(list(references))


def _itself(value):
    return value


def tree_reduce(executor, merge, references):
    """Return a reference to all values merged, in a tree whose shape depends on their number only.

    ``merge`` is a function of a list of values that returns one of them all.
    """
    while len(references) > 1:
        starts = range(0, len(references), FAN_IN)
        references = executor.map(merge, [references[i : i + FAN_IN] for i in starts])
    return references[0]
