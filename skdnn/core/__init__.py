"""The network and its training: NumPy and SciPy only.

Conventions
-----------
Every array has a leading members axis: activations are ``(n_members, n_rows, width)``,
weights ``(n_members, fan_in, fan_out)``, biases ``(n_members, 1, fan_out)``. All
parameters of a member live in one row of a flat ``(n_members, n_parameters)`` array, the
gradients in another of the same shape; layers hold views. A single network is
``n_members=1``, the same code. Rows are samples, and names are words.
"""
