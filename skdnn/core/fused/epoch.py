"""Batches of an epoch, one after the other, and passes over the rows to validate on."""

import numpy as np

from skdnn.core.codes import Layer
from skdnn.core.fused.compact import (
    add_columns,
    grad_first_weights,
    multiply_numbers,
    prepare,
)
from skdnn.core.fused.factors import learn_factors
from skdnn.core.fused.machine import compiled, entrance, piece, uncounted, wait_for_all
from skdnn.core.fused.passes import (
    finish,
    grad_bias,
    grad_inputs,
    grad_weights,
    is_hit,
    loss,
    loss_of_row,
    multiply_inputs,
    sum_logits,
    targets_of,
)
from skdnn.core.fused.rows import gather
from skdnn.core.fused.shares import FEW_ROWS, span
from skdnn.core.fused.tables import Member, Net
from skdnn.core.fused.updates import add_penalty, corrections, shrinkage, sum_of_squares, update


@compiled
def of_member(members, k):
    """Return the arrays of a member, not counted."""
    size = members.grads.size
    return Member(
        piece(members.params, k * size, size),
        piece(members.first, k * size, size),
        piece(members.second, k * size, size),
        uncounted(members.grads),
        uncounted(members.scratch),
        uncounted(members.sums),
    )


@compiled
def of_net(net):
    """Return the network with arrays that are not counted."""
    tables = uncounted(net.layers), uncounted(net.columns), uncounted(net.runs)
    return Net(*(tables + net[3:]))


@compiled
def forward(net, first, last, share, params, scratch, keys, words):
    """Compute the logits of some of a batch's rows; drop units if there are keys."""
    for depth in range(len(net.layers)):
        if depth == 0:
            multiply_numbers(net, first, last, params, scratch)
            add_columns(net, first, last, params, scratch)
        else:
            multiply_inputs(net, depth, first, last, share, params, scratch)
        finish(net, depth, first, last, params, scratch, keys, words)


@compiled
def grad_params(net, n_rows, grads, scratch, share):
    """Write a share of the gradient of all layers' parameters."""
    for depth in range(len(net.layers)):
        grad_bias(net, depth, grads, scratch, share)
        if depth == 0:
            grad_first_weights(net, n_rows, grads, scratch, share)
        else:
            grad_weights(net, depth, n_rows, grads, scratch, share)


@compiled
def differentiate(net, data, batch, factor, member, keys, words, team, waits):
    """Write the gradient of a batch, and the loss of each share of its rows."""
    shares = range(team.thread, net.n_shares, team.n_threads)
    params, scratch = member.params, member.scratch
    if net.scaled >= 0 or net.n_compact:
        for share in shares:
            prepare(net, params, scratch, share)
        wait_for_all(team, waits)
    for share in shares:
        first, last = span(batch.size, share, net.n_shares, FEW_ROWS)
        gather(net, data.array, batch, first, last, scratch, keys, words)
        forward(net, first, last, share, params, scratch, keys, words)
        member.sums[0, share] = loss(net, data, batch, factor, first, last, scratch)
        sum_logits(net, first, last, share, scratch)
        for depth in range(len(net.layers) - 1, 0, -1):
            grad_inputs(net, depth, first, last, share, params, scratch)
    wait_for_all(team, waits)
    for share in shares:
        grad_params(net, batch.size, member.grads, scratch, share)
    wait_for_all(team, waits)
    if net.factors >= 0:
        for share in shares:
            learn_factors(net, params, member.grads, share)
        wait_for_all(team, waits)


@compiled
def descend(net, rule, number, rate, strength, member, team, waits):
    """Take step ``number``, from 1; return the loss of the batch with its penalty."""
    shares = range(team.thread, net.n_shares, team.n_threads)
    if strength > 0 or rule.max_norm < np.inf:
        for share in shares:
            squares = add_penalty(net, strength, member.params, member.grads, share)
            member.sums[1, share] = squares
            member.sums[2, share] = sum_of_squares(net, member.grads, share)
        wait_for_all(team, waits)
    value = member.sums[0].sum() + 0.5 * strength * member.sums[1].sum()
    factor = 1.0
    if rule.max_norm < np.inf:
        factor = shrinkage(member.sums[2].sum(), rule.max_norm)
    corrected = corrections(rule, number)
    for share in shares:
        update(net, rule, corrected, rate, factor, member, share)
    wait_for_all(team, waits)
    return value


@entrance
def train(net, rule, data, orders, steps, first, last, rates, members, team, losses):
    """Train members on some batches of an epoch.

    Parameters
    ----------
    net : Net
    rule : Rule
    data : Rows
    orders : Orders
    steps : Steps
    first, last : int
        Which batches.
    rates : ndarray of shape (n_members,)
        Factors on the rates of the steps.
    members : Members
    team : Team
    losses : float64 ndarray of shape (n_members,)
        The losses are added, each batch with its share of the rows.
    """
    words, waits = np.empty(net.n_words, np.uint64), np.zeros(1, np.int64)
    n_batches, net = len(steps.rates), of_net(net)
    for k in range(len(rates)):
        member, start, n_rows = of_member(members, k), orders.starts[k], orders.counts[k]
        strength = rule.alpha / n_rows
        for number in range(first, last):
            low, high = n_rows * number // n_batches, n_rows * (number + 1) // n_batches
            batch = orders.rows[start + low : start + high]
            factor = 1 / (max(high - low, 1) * orders.means[k])
            keys, rate = steps.keys[k, number], rates[k] * steps.rates[number]
            differentiate(net, data, batch, factor, member, keys, words, team, waits)
            step = steps.n_before + number + 1
            value = descend(net, rule, step, rate, strength, member, team, waits)
            if team.thread == 0:
                losses[k] += value * (high - low) / n_rows


@entrance
def evaluate(net, data, orders, most_rows, members, report):
    """Add each member's mean loss and accuracy on rows of its own to the report.

    Parameters
    ----------
    net : Net
    data : Rows
    orders : Orders
    most_rows : int
        Rows at a time.
    members : Members
    report : float64 ndarray of shape (2, n_members)
    """
    words, keys, net = np.empty(0, np.uint64), np.empty(0, np.uint64), of_net(net)
    scratch, layer = uncounted(members.scratch), net.layers[-1]
    # A literal 0 is a type of its own: numba would compile gather and forward once more.
    first = only_share = np.int64(0)
    for k in range(len(orders.starts)):
        params = of_member(members, k).params
        for share in range(net.n_shares):
            prepare(net, params, scratch, share)
        end = orders.starts[k] + orders.counts[k]
        total = orders.means[k] * orders.counts[k]
        for start in range(orders.starts[k], end, most_rows):
            batch = orders.rows[start : min(start + most_rows, end)]
            gather(net, data.array, batch, first, batch.size, scratch, keys, words)
            forward(net, first, batch.size, only_share, params, scratch, keys, words)
            loss, score = judge(net, layer, data, batch, total, scratch)
            report[0, k] += loss
            report[1, k] += score


@compiled
def judge(net, layer, data, batch, total, scratch):
    """Return what a batch adds to the mean loss and to the accuracy."""
    real, width = scratch.dtype.type, layer[Layer.FAN_OUT]
    loss, score = 0.0, 0.0
    for row in range(batch.size):
        start = layer[Layer.OUTPUTS] + row * width
        line, targets = piece(scratch, start, width), targets_of(data, batch[row])
        weight = data.weights[batch[row]] / total
        if is_hit(net.loss, line, targets):
            score += weight
        loss += loss_of_row(net.loss, line, targets, real(weight), real(net.smoothing))
    return loss, score
