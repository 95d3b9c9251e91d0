import numpy as np
import pytest

from skdnn.core.compiling import has_numba
from skdnn.core.dropout import draw
from skdnn.core.random_bits import random_words, scramble

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

N_WORDS = 2**14
KEYS = np.random.default_rng(0).integers(0, 2**64, 50, np.uint64)


def splitmix64(state):
    """Return the next state and the next word, in Python's whole numbers."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    word = state
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return state, word ^ (word >> 31)


def test_words_are_those_of_splitmix64():
    state, expected = 1234567, []
    for _ in range(5):
        state, word = splitmix64(state)
        expected.append(word)
    # The first word is published with the reference implementation's tests.
    assert expected[0] == 6457827717110365317
    assert random_words(np.array([1234567], np.uint64), 5).tolist() == [expected]


def lanes(keys):
    """Return 16-bit draws, one row a key, as numbers between -1/2 and 1/2."""
    return random_words(keys, N_WORDS).view(np.uint16) / 2**16 - 0.5 + 2**-17


def test_draws_are_even_over_their_range():
    counts = np.bincount((random_words(KEYS, N_WORDS).view(np.uint16) >> 8).ravel(), minlength=256)
    expected = counts.mean()
    chi_square = ((counts - expected) ** 2 / expected).sum()
    # 255 degrees of freedom: six deviations.
    assert abs(chi_square - 255) < 6 * np.sqrt(2 * 255)


def correlation(first, second):
    """Return a correlation in units of its standard deviation under independence."""
    return 12 * np.sum(first * second) / np.sqrt(first.size)


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 8, 128])
def test_neighbours_are_independent(distance):
    draws = lanes(KEYS)
    assert abs(correlation(draws[:, distance:], draws[:, :-distance])) < 5


@pytest.mark.parametrize("keys", [KEYS, np.arange(50, dtype=np.uint64)], ids=["random", "counted"])
def test_keys_are_independent_even_if_they_are_neighbours(keys):
    draws = lanes(keys)
    assert abs(correlation(draws[1:], draws[:-1])) < 5


def test_words_are_the_same_however_many_there_are():
    np.testing.assert_array_equal(random_words(KEYS, 5), random_words(KEYS, 9)[:, :5])


@pytest.mark.parametrize("n_words", [1, 3])
def test_rows_take_their_words_one_after_the_other(n_words):
    key, n_rows = KEYS[0], 4
    expected = random_words(KEYS[:1], n_rows * n_words).view(np.uint16).reshape(n_rows, -1)
    with np.errstate(over="ignore"):
        rows = [draw(key, row, np.empty(n_words, np.uint64)).copy() for row in range(n_rows)]
    np.testing.assert_array_equal(rows, expected)


@needs_numba
def test_compiled_words_are_those_of_numpy():
    from numba import njit

    scrambled = njit(scramble)
    assert [scrambled(key) for key in KEYS] == scramble(KEYS).tolist()
