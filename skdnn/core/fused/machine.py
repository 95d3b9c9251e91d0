"""What numba does not offer by itself.

SciPy's matrix product, parts of arrays that are not counted as references, memory that is asked
for ahead, and threads that wait.
"""

from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from skdnn.core.compiling import OPTIONS, MachineCode

SPINS = 2000  # looks at a counter before a waiting thread lets others run

LINE_BYTES = 64  # of the cache

BYTES = ir.IntType(8).as_pointer()

# Inlined into the loops that call them. Numba links a function of its own weakly into its callers:
# a process that compiles then runs the copy compiled alone, one that loads from disk the copy in
# the caller's library, and the two may round differently (seen with numba 0.60). Neither Python
# nor C calls these: without wrappers they compile faster.
compiled = partial(
    njit, nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS
)


@cache
def _version():
    """Return a text that changes whenever a source of compiled loops does."""
    core = Path(__file__).parents[1]
    try:
        sources = [path.read_bytes() for path in sorted(core.rglob("*.py"))]
    except OSError:  # in a ZIP file, where numba does not keep what it compiles either
        sources = []
    return sha256(b"".join(sources)).hexdigest()[:16]


def _name_by_version(function):
    # Numba looks at the function's own file to see whether its cache is stale, not at those of
    # the functions that it calls.
    function.__qualname__ = f"{function.__name__}_{_version()}"
    return function


def entrance(function):
    """Make the decorated loop one that Python calls; see :class:`MachineCode`."""
    return MachineCode(_name_by_version(function))


def to_c(signature, function):
    """Compile a function that other compiled ones call by its address."""
    function = _name_by_version(function)
    try:
        return cfunc(signature, cache=True, **OPTIONS)(function)
    except Exception:  # there is no folder for the cache, or what is in it is damaged
        return cfunc(signature, **OPTIONS)(function)


def _pointer(builder, value):
    """Return an address as it is, and any other scalar as a pointer to it."""
    if value.type == ir.IntType(64):
        return builder.inttoptr(value, BYTES)
    return builder.bitcast(cgutils.alloca_once_value(builder, value), BYTES)


@intrinsic
def _call(typing_context, function, arguments):
    """Call a C function without result whose arguments are all pointers."""

    def generate(context, builder, signature, values):
        address, packed = values
        pointers = [_pointer(builder, v) for v in cgutils.unpack_tuple(builder, packed)]
        kind = ir.FunctionType(ir.VoidType(), [BYTES] * len(pointers))
        builder.call(builder.inttoptr(address, kind.as_pointer()), pointers)
        return context.get_dummy_value()

    return types.void(function, arguments), generate


@intrinsic
def call(typing_context, function, arguments):
    """Call a compiled function without result whose arguments are addresses and whole numbers."""

    def generate(context, builder, signature, values):
        address, packed = values
        numbers = cgutils.unpack_tuple(builder, packed)
        kind = ir.FunctionType(ir.VoidType(), [number.type for number in numbers])
        builder.call(builder.inttoptr(address, kind.as_pointer()), numbers)
        return context.get_dummy_value()

    return types.void(function, arguments), generate


@intrinsic
def address_after(typing_context, pointer, n_numbers):
    """Return the pointer to what lies so many numbers after another."""

    def generate(context, builder, signature, values):
        return builder.gep(values[0], [values[1]])

    return pointer(pointer, n_numbers), generate


@intrinsic
def _pointer_into(typing_context, array, start):
    """Return the pointer to a number of a flat array."""

    def generate(context, builder, signature, values):
        data = context.make_array(array)(context, builder, values[0]).data
        return builder.gep(data, [values[1]])

    return types.CPointer(array.dtype)(array, types.int64), generate


@compiled
def piece(array, start, size):
    """Return a part of a flat array; as with :func:`uncounted`, references are not counted."""
    return carray(_pointer_into(array, start), size)


@intrinsic
def _bits_at(typing_context, array):
    """Return the pointer to the numbers of an array as whole numbers of the same size."""
    whole = types.Integer.from_bitwidth(array.dtype.bitwidth)

    def generate(context, builder, signature, values):
        data = context.make_array(array)(context, builder, values[0]).data
        return builder.bitcast(data, ir.IntType(whole.bitwidth).as_pointer())

    return types.CPointer(whole)(array), generate


@compiled
def bits_of(array):
    """Return the bits of a flat array's numbers, as whole numbers."""
    return carray(_bits_at(array), array.size)


@intrinsic
def _fetch(typing_context, array, start):
    """Ask for the line of the cache with a number of an array."""

    def generate(context, builder, signature, values):
        data = context.make_array(array)(context, builder, values[0]).data
        pointer = builder.bitcast(builder.gep(data, [values[1]]), BYTES)
        whole = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [BYTES, whole, whole, whole])
        function = builder.module.declare_intrinsic("llvm.prefetch", [BYTES], kind)
        to_read, keep, data_cache = whole(0), whole(3), whole(1)
        builder.call(function, [pointer, to_read, keep, data_cache])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@compiled
def fetch(array, start, size):
    """Ask for a part of a flat array, to have it in the cache when it is wanted."""
    for place in range(start, start + size, LINE_BYTES // array.itemsize):
        _fetch(array, place)
    _fetch(array, start + size - 1)


@compiled
def uncounted(array):
    """Return an array that references are not counted to.

    Functions count them at every call, atomically: a call with a few arrays would take as long as
    a short loop. The caller holds the array.
    """
    return carray(_pointer_into(array, 0), array.shape)


@intrinsic
def _add_to(typing_context, address, number):
    """Add a number to the one at an address, in one go, whoever else does."""

    def generate(context, builder, signature, values):
        pointer = builder.inttoptr(values[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, values[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _look_at(typing_context, address):
    """Return the number at an address, as other threads left it."""

    def generate(context, builder, signature, values):
        pointer = builder.inttoptr(values[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


@compiled
def wait_for_all(team, waits):
    """Return when all threads of the team have come here as often as this one.

    Parameters
    ----------
    team : Team
    waits : int64 ndarray of shape (1,)
        How often this thread has waited; counted up.
    """
    if team.n_threads == 1:
        return
    waits[0] += 1
    counter = team.counter.ctypes.data
    wanted, n_looks = waits[0] * team.n_threads, 0
    _add_to(counter, 1)
    while _look_at(counter) < wanted:
        n_looks += 1
        if n_looks % SPINS == 0:
            _call(team.give_way, ())


@compiled
def multiply(gemm, shape, a, b, out):
    """Write the product of two row-major matrices, each of which may be transposed.

    Parameters
    ----------
    gemm : int
        Address of BLAS's function.
    shape : (int, int, int)
        Rows and columns of the product, and the numbers that each is a sum over.
    a, b : (ndarray, int, int, bool)
        A flat array, where the matrix starts in it, numbers from row to row, and whether the
        matrix is to be transposed.
    out : (ndarray, int, int)
        The same of the product.
    """
    n_rows, n_columns, n_terms = shape
    if n_rows == 0 or n_columns == 0:
        return
    real, size = out[0].dtype.type, out[0].itemsize
    # Without terms a matrix may have rows of no length, but BLAS wants 1 at least.
    a_step, b_step = max(a[2], 1), max(b[2], 1)
    # BLAS thinks in columns: it is given the transposed product.
    _call(
        gemm,
        (
            _letter(b[3]),
            _letter(a[3]),
            np.int32(n_columns),
            np.int32(n_rows),
            np.int32(n_terms),
            real(1),
            b[0].ctypes.data + b[1] * size,
            np.int32(b_step),
            a[0].ctypes.data + a[1] * size,
            np.int32(a_step),
            real(0),
            out[0].ctypes.data + out[1] * size,
            np.int32(out[2]),
        ),
    )


@compiled
def _letter(is_transposed):
    return np.uint8(84) if is_transposed else np.uint8(78)  # "T" or "N"
