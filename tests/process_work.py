"""Work for a process of its own; little is imported, so that it starts soon."""

import os
import time


def pieces(*found, then=None):
    yield from found
    if then:
        then()


def fail():
    raise RuntimeError("nothing works")


def end_at_once():
    os._exit(3)


def never_end():
    while True:
        time.sleep(1)


def environment(name):
    yield {name: os.environ.get(name)}
