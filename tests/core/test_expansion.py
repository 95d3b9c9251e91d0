import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.expansion import Expansion


@given(n_numbers=st.integers(0, 4), n_levels=st.lists(st.integers(1, 5), max_size=4))
def test_every_known_code_has_a_column_of_its_own(n_numbers, n_levels):
    expansion = Expansion(n_numbers, tuple(n_levels))
    assert expansion.n_inputs == n_numbers + len(n_levels)
    assert expansion.n_outputs == n_numbers + sum(n_levels)
    column = n_numbers
    for position, levels in enumerate(n_levels):
        for code in range(levels):
            row = np.full((1, expansion.n_inputs), -1.0)
            row[0, n_numbers + position] = code
            wide = expansion(row)
            assert np.flatnonzero(wide[0, n_numbers:]).tolist() == [column - n_numbers]
            assert (wide[0, :n_numbers] == -1).all()
            column += 1


def test_numbers_alone_are_returned_as_they_are():
    rows = np.ones((3, 2))
    assert Expansion(2)(rows) is rows


def test_the_type_of_the_rows_is_kept():
    rows = np.array([[0.5, 1.0]], np.float32)
    wide = Expansion(1, (2,))(rows)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide, [[0.5, 0, 1]])


@given(
    n_bins=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    n_numbers=st.integers(0, 2),
    n_levels=st.lists(st.integers(1, 3), max_size=2),
    fraction=st.floats(0, 1),
)
def test_a_knot_coordinate_fills_the_bins_below_it(n_bins, n_numbers, n_levels, fraction):
    expansion = Expansion(n_numbers, tuple(n_levels), tuple(n_bins))
    row = np.zeros((1, expansion.n_inputs))
    row[0, n_numbers : n_numbers + len(n_bins)] = np.multiply(fraction, n_bins)
    blocks = np.split(expansion(row)[0, n_numbers:], np.cumsum(n_bins))
    for width, block in zip(n_bins, blocks, strict=False):
        assert ((block >= -0.5) & (block <= 0.5)).all()
        assert (np.diff(block) <= 0).all()
        np.testing.assert_allclose(block.sum() + width / 2, fraction * width, atol=1e-12)
