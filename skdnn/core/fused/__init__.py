"""Whole epochs of training as compiled loops, which run without Python's lock.

These modules import numba, so they are imported when training begins, by calls alone. What they
compute is what the layers of :mod:`skdnn.core.network` compute one by one with NumPy, to
rounding; :mod:`skdnn.core.fusing` decides which of the two trains a network.

Conventions: a function works on one member. Its parameters, their gradients and all scratch are
flat arrays of one floating type; the integer table ``net.layers``, one row a dense layer with
the columns of :class:`skdnn.core.codes.LayerColumns`, tells where things are. A batch is cut into
``n_shares`` shares, which depend on shapes alone: of its rows for all that becomes of a row, up to
the gradients of activations; of columns, units or parameters for what the first layer needs before,
for the parameters' gradients and for the step. Threads divide the shares between them, and wait for
each other in between.
"""
