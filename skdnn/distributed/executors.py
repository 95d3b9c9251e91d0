"""Executors: where the pure functions of a distributed fit run.

An executor is an object with these methods and attributes. The algorithm uses nothing else of a
cluster, so that another engine needs only a class like :class:`SerialExecutor`.

- ``map(function, *columns)``: ``function(*arguments)`` for the arguments in each row of the
  columns, as a list of references. Arguments are partitions, references, lists of references, or
  small values. Functions are pure: what is lost with a machine is computed again.
- ``share(value)``: a reference to a value that many calls use, such as all parameters.
- ``gather(references)``: the values, as a list in the same order.
- ``n_slots``: the number of calls that run at the same time.
"""

FAN_IN = 8  # references that a call of a tree reduction merges


class SerialExecutor:
    """Runs all calls one after the other, in this process; references are the values."""

    n_slots = 1

    def map(self, function, *columns):
        """Return the results of all calls."""
        return [function(*arguments) for arguments in zip(*columns, strict=True)]

    def share(self, value):
        """Return the value."""
        return value

    def gather(self, references):
        """Return the values."""
        return list(references)


def tree_reduce(executor, merge, references):
    """Return a reference to all values merged, in a tree whose shape depends on their number only.

    ``merge`` is a function of a list of values that returns one of them all.
    """
    while len(references) > 1:
        starts = range(0, len(references), FAN_IN)
        references = executor.map(merge, [references[i : i + FAN_IN] for i in starts])
    return references[0]
