import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.compiling import Kernel, has_numba
from skdnn.core.tape import LINE, Scratch, Tape

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


def add_one(array):
    for i in range(array.size):
        array[i] += 1


def add_two(array):
    array += 2


def test_the_memory_of_a_pass_is_that_of_the_pass_before():
    scratch = Scratch()
    first, second = scratch((3, 4), np.float32), scratch((2,), np.float64)
    assert not np.shares_memory(first, second)
    scratch.reset()
    smaller = scratch((2, 5), np.float32)
    assert smaller.shape == (2, 5)
    assert smaller.dtype == np.float32
    assert np.shares_memory(smaller, first)
    larger = scratch((9, 9), np.float64)
    assert not np.shares_memory(larger, second)
    assert not np.shares_memory(larger, smaller)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint64])
@pytest.mark.parametrize("shape", [(3, 5, 7), (1,), (0, 0, 0)])
def test_arrays_are_contiguous_and_begin_lines_of_the_cache(shape, dtype):
    scratch = Scratch()
    for _ in range(3):
        array = scratch(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.size == 0 or array.ctypes.data % LINE == 0


def test_arrays_of_a_tape_have_the_type_of_its_parameters():
    tape = Tape(np.zeros((2, 3), np.float32))
    assert tape.empty((4,)).dtype == np.float32
    assert tape.empty((4,), np.int64).dtype == np.int64


def test_calls_are_made_in_order_at_every_replay():
    tape, seen = Tape(np.zeros((1, 1))), []
    tape.call(seen.append, "a")
    tape.call(seen.append, "b")
    assert seen == []
    tape.play()
    tape.play()
    assert seen == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("is_compiled", "expected"), [(False, 2), pytest.param(True, 1, marks=needs_numba)]
)
def test_a_kernel_is_called_as_its_loop_where_kernels_are_compiled(is_compiled, expected):
    tape, array = Tape(np.zeros((1, 1)), is_compiled=is_compiled), np.zeros(3)
    tape.call(Kernel(add_one, add_two, is_cached=False), array)
    assert not array.any()
    tape.play()
    np.testing.assert_array_equal(array, expected)
    assert not any(isinstance(function, Kernel) for function, _ in tape.calls)


def test_other_functions_are_called_as_they_are_whether_compiled_or_not():
    array = np.zeros(3)
    tape = Tape(np.zeros((1, 1)), is_compiled=True)
    tape.call(add_two, array)
    tape.play()
    assert tape.calls == [(add_two, (array,))]
    np.testing.assert_array_equal(array, 2)


def test_keys_are_one_a_member():
    tape = Tape(np.zeros((3, 1), np.float32))
    first, second = tape.new_keys(), tape.new_keys()
    assert tape.keys[0] is first
    assert tape.keys[1] is second
    assert first.shape == (3,)
    assert first.dtype == np.uint64
    assert not np.shares_memory(first, second)


def test_a_view_is_the_part_of_the_parameters_itself():
    params = np.arange(14.0).reshape(2, 7)
    view = Tape(params).view(params, 1, (2, 3))
    np.testing.assert_array_equal(view, params[:, 1:].reshape(2, 2, 3))
    view[...] = -1
    assert (params[:, 1:] == -1).all()


@pytest.mark.parametrize(
    ("grads", "differentiates", "expected"),
    [(None, False, False), (None, True, True), (np.zeros((1, 1)), False, True)],
)
def test_a_tape_with_gradients_differentiates(grads, differentiates, expected):
    tape = Tape(np.zeros((1, 1)), grads, differentiates=differentiates)
    assert tape.differentiates == expected


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(*[st.integers(1, 40)] * 3),
    turned=st.tuples(st.booleans(), st.booleans()),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_products_have_the_same_bits_for_one_member_and_for_several(seed, sizes, turned, dtype):
    rng, (n_rows, n_inner, width) = np.random.default_rng(seed), sizes
    left, right = (
        rng.normal(size=(3, *(shape[::-1] if is_turned else shape))).astype(dtype)
        for shape, is_turned in zip([(n_rows, n_inner), (n_inner, width)], turned, strict=True)
    )
    left, right = (
        array.swapaxes(1, 2) if is_turned else array
        for array, is_turned in zip((left, right), turned, strict=True)
    )
    together, apart = np.full((2, 3, n_rows, width), np.nan, dtype)
    tape = Tape(np.zeros((3, 1), dtype))
    tape.matmul(left, right, together)
    for k in range(3):
        tape.matmul(left[k : k + 1], right[k : k + 1], apart[k : k + 1])
    tape.play()
    np.testing.assert_array_equal(apart, together)
    np.testing.assert_allclose(together, left.astype(float) @ right, rtol=1e-4, atol=1e-4)
