"""One piece of work in a process of its own, within a limit of time."""

import os
import warnings
from contextlib import contextmanager
from multiprocessing import get_context
from time import monotonic

# These choose other code inside OpenBLAS, which reads them when a process imports NumPy;
# benchmarks measure the library as it is installed.
CHOOSE_CODE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def run_alone(work, limit):
    """Return all that ``work`` finds out, as one dict, or why there is nothing, as its "error".

    Parameters
    ----------
    work : callable
        Yields dicts, the sooner the better: what was yielded is kept if the rest fails. It must
        be picklable.
    limit : float
        Seconds, the start of the process included.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, work))
    with _library_as_installed():
        process.start()
    sender.close()  # the process has the other end: without it, receiving ends
    try:
        return _receive(receiver, process, limit)
    finally:
        process.kill()
        process.join()
        receiver.close()


@contextmanager
def _library_as_installed():
    """Start processes without what chooses code, and leave this one's environment as it was."""
    chosen = {name: os.environ.pop(name) for name in CHOOSE_CODE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(chosen)


def _receive(receiver, process, limit):
    found, deadline = {}, monotonic() + limit
    while receiver.poll(max(0.0, deadline - monotonic())):
        try:
            message = receiver.recv()
        except EOFError:
            process.join()
            return found | {"error": f"the process ended with code {process.exitcode}"}
        if message is None:
            return found
        found |= message
    return found | {"error": f"no result in {limit:g} s"}


def _send(sender, work):
    warnings.simplefilter("ignore")
    try:
        for found in work():
            sender.send(found)
    except Exception as error:  # a fit that fails is a result
        sender.send({"error": repr(error)[:300]})
    sender.send(None)
