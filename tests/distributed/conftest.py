"""The tables of these tests are small; without this, they would be trained on in one place."""

import pytest

from skdnn.distributed import read_partitions


@pytest.fixture(autouse=True, scope="package")
def on_partitions():
    """Train on partitions, however few rows they have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_partitions, "IN_MEMORY_ROWS", 0)
        yield
