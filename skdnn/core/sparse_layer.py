"""The first layer on sparse rows; see :mod:`skdnn.core.layers` for the conventions."""

from skdnn.core.layers import Dense


class SparseDense(Dense):
    """A dense layer on sparse rows, a :class:`SparseBatch`. There is no gradient of the inputs."""

    def product(self, tape, start, inputs):
        """Add the product with the weights; return it and the backward function."""
        weights = tape.view(tape.params, start, self.shapes[0])
        outputs = tape.empty((len(weights), inputs.shape[1], self.shapes[0][1]))

        def multiply(is_back, others, products):
            per_member = inputs.of_members(len(weights))
            for rows, other, into in zip(per_member, others, products, strict=True):
                into[...] = (rows.T if is_back else rows) @ other

        def backward(grad_outputs, wants_inputs):
            if tape.row_grads is not None:
                tape.call(tape.row_grads.compute, inputs, grad_outputs)
            else:
                grad_weights = tape.view(tape.grads, start, self.shapes[0])
                tape.call(multiply, True, grad_outputs, grad_weights)

        tape.call(multiply, False, weights, outputs)

        return outputs, backward
