"""Profiles of the property tests: the same few examples on every machine, or many new ones."""

from hypothesis import HealthCheck, settings

settings.register_profile("skdnn", derandomize=True, deadline=None, max_examples=25)
# pytest tests/test_properties.py tests/test_fuzzing.py --hypothesis-profile=nightly
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=1000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("skdnn")
