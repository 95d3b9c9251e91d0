import numpy as np
import pytest
from gradient_checks import encoded_rows, expansions
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.compiling import has_numba
from skdnn.core.encoded_rows import Expansion, expand

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)


@given(n_numbers=st.integers(0, 4), n_categories=st.lists(st.integers(1, 5), max_size=4))
def test_every_known_code_has_a_column_of_its_own(n_numbers, n_categories):
    expansion = Expansion(n_numbers, tuple(n_categories))
    assert expansion.n_inputs == n_numbers + len(n_categories)
    assert expansion.n_outputs == n_numbers + sum(n_categories)
    column = n_numbers
    for position, categories in enumerate(n_categories):
        for code in range(categories):
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
    n_categories=st.lists(st.integers(1, 3), max_size=2),
    fraction=st.floats(0, 1),
)
def test_a_knot_coordinate_fills_the_bins_below_it(n_bins, n_numbers, n_categories, fraction):
    expansion = Expansion(n_numbers, tuple(n_categories), tuple(n_bins))
    row = np.zeros((1, expansion.n_inputs))
    row[0, n_numbers : n_numbers + len(n_bins)] = np.multiply(fraction, n_bins)
    blocks = np.split(expansion(row)[0, n_numbers:], np.cumsum(n_bins))
    for width, block in zip(n_bins, blocks, strict=False):
        assert ((block >= -0.5) & (block <= 0.5)).all()
        assert (np.diff(block) <= 0).all()
        np.testing.assert_allclose(block.sum() + width / 2, fraction * width, atol=1e-12)


def widen(expansion, rows):
    """Return what the module's docstring says, column by column."""
    columns = iter(np.moveaxis(rows, -1, 0))
    wide = [next(columns) for _ in range(expansion.n_numbers)]
    for n_bins in expansion.n_bins:
        u = next(columns)
        wide += [
            np.clip(u - rows.dtype.type(t), 0, 1) - rows.dtype.type(0.5) for t in range(n_bins)
        ]
    for n_categories in expansion.n_categories:
        code = next(columns)
        wide += [(code == level).astype(rows.dtype) for level in range(n_categories)]
    return np.stack(wide, axis=-1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ENGINES
@given(expansion=expansions(), seed=st.integers(0, 2**32 - 1), n_rows=st.integers(0, 5))
def test_rows_are_widened_as_the_docstring_says(is_compiled, dtype, expansion, seed, n_rows):
    rng = np.random.default_rng(seed)
    rows = encoded_rows(rng, expansion, (2, n_rows)).astype(dtype)
    out = np.full((2, n_rows, expansion.n_outputs), np.nan, dtype)
    args = rows, *expansion.places(), out
    (expand.compiled_for(args) if is_compiled else expand)(*args)
    # To the bit: all round the same differences.
    np.testing.assert_array_equal(out, widen(expansion, rows))
    np.testing.assert_array_equal(expansion(rows), out)
    if n_rows:
        np.testing.assert_array_equal(expansion(rows[0, 0]), out[0, 0])


@pytest.mark.parametrize("value", [-np.inf, -1.0, 0.0, 1.0, 2.5, 3.0, 1e30, np.inf, np.nan])
@ENGINES
def test_whatever_a_column_holds_is_widened_without_a_warning(is_compiled, value):
    expansion = Expansion(1, (3,), (3,))
    rows = np.full((1, 1, 3), value)
    out = np.full((1, 1, 7), 9.0)
    args = rows, *expansion.places(), out
    (expand.compiled_for(args) if is_compiled else expand)(*args)
    np.testing.assert_array_equal(out, widen(expansion, rows))
    assert out[0, 0, 4:].sum() == (value in (0, 1))
