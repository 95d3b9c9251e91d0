"""One profile for all property tests: the same examples on every machine."""

from hypothesis import settings

settings.register_profile("skdnn", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("skdnn")
