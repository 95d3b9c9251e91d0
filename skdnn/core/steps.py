"""An epoch of a few members, layer by layer with NumPy."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Batches, Data, Layout
from skdnn.core.buffers import Buffers
from skdnn.core.evaluation import Evaluation
from skdnn.core.gradient import LossGradient, Slices, add_penalty, count_slices
from skdnn.core.layers import Dropout
from skdnn.core.optimizers import clip_by_norm, decay


class Crew(NamedTuple):
    """A few members, and all that their steps depend on.

    Attributes
    ----------
    network : Network
    plan : Plan
    data : Data
    valid_data : Data or None
    layout : Layout
    params : ndarray of shape (n_members, n_parameters)
        Changed by every step.
    rates : ndarray of shape (n_members, 1)
        Factors on the rates, read anew at every epoch.
    rule : update rule
    rngs : list of Generator
    train_rows, valid_rows : list of ndarray
        The second is empty without validation.
    valid_width : int
        Most validation rows of any member, here or not.
    is_alone : bool
        Whether there is no other member, here or elsewhere: threads share its batches.
    run : callable
        Like ``map``; runs what threads share.
    n_threads : int
        How many calls it runs at a time.
    """

    network: object
    plan: object
    data: Data
    valid_data: Data | None
    layout: Layout
    params: np.ndarray
    rates: np.ndarray
    rule: object
    rngs: list
    train_rows: list
    valid_rows: list
    valid_width: int
    is_alone: bool
    run: Callable
    n_threads: int


class LayerSteps:
    """Epochs of a crew, layer by layer.

    Parameters
    ----------
    crew : Crew

    Attributes
    ----------
    orders : list of ndarray
        The members' rows in the order that shuffling has left them in.
    """

    def __init__(self, crew):
        self.crew, plan = crew, crew.plan
        dtype = crew.params.dtype
        self.batches = Batches(crew.train_rows, crew.data.weights, crew.layout, dtype)
        self.orders = self.batches.orders
        self.loss_gradient = self._loss_gradient()
        self.weights = crew.network.weights(crew.params)
        self.grad_weights = crew.network.weights(self.loss_gradient.grads)
        self.buffers = Buffers(dtype)
        self.evaluation = None
        if crew.valid_rows:
            self.evaluation = Evaluation(
                crew.network,
                crew.params,
                crew.valid_data,
                crew.valid_rows,
                crew.valid_width,
                plan.loss,
                plan.label_smoothing,
            )

    def _loss_gradient(self):
        """Return what differentiates the loss of a batch: whole, or in slices on threads."""
        crew, width = self.crew, self.crew.layout.width
        n_slices = count_slices(crew.is_alone, width, crew.network.n_parameters)
        if any(isinstance(layer, Dropout) and layer.threshold for layer in crew.network.layers):
            n_slices = 1  # slices would not draw the bits that compiled loops do
        has_one_batch = crew.layout.n_batches == 1 and not crew.plan.shuffle
        generators = [crew.rngs]
        if n_slices > 1:
            generators = [[rng] for rng in crew.rngs[0].spawn(n_slices)]
        parts = [
            LossGradient(crew.network, crew.data, crew.params, crew.plan, rngs, has_one_batch)
            for rngs in generators
        ]
        return Slices(parts, width, crew.run) if n_slices > 1 else parts[0]

    def epoch(self, rates, number):
        """Train for an epoch.

        Parameters
        ----------
        rates : list of float
            One a batch, for all members.
        number : int
            Steps taken before.

        Returns
        -------
        ndarray of shape (n_members,)
            Mean training loss.
        """
        losses = np.zeros(len(self.crew.params))
        batches = self.batches.epoch(self.crew.rngs if self.crew.plan.shuffle else None)
        for rate, (rows, weights, shares) in zip(rates, batches, strict=True):
            number += 1
            losses += shares * self._step(rows, weights, rate, number)
        return losses

    def _step(self, rows, weights, rate, number):
        plan, params, grads = self.crew.plan, self.crew.params, self.loss_gradient.grads
        values = self.loss_gradient(rows, weights)
        if plan.alpha:
            strengths = plan.alpha / self.batches.counts
            values += add_penalty(self.weights, self.grad_weights, strengths, self.buffers)
        if plan.max_grad_norm is not None:
            clip_by_norm(grads, plan.max_grad_norm)
        rates = self.crew.rates * params.dtype.type(rate)
        if plan.weight_decay:
            decay(self.weights, rates, plan.weight_decay)
        self.crew.rule.step(params, grads, rates, number)
        return values

    def evaluate(self):
        """Return the validation loss and accuracy, shape (2, n_members)."""
        return self.evaluation()
