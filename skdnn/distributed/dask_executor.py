"""The executor on a Dask cluster."""

import warnings

from skdnn.distributed.dask_collections import import_dask


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
        calls = [call(*arguments) for arguments in zip(*columns, strict=True)]
        return self.client.compute(calls)

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
