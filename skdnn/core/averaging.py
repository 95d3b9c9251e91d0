"""Averages of members' probabilities: logarithms, log-odds, and the gradient of these.

Conventions: ``logits`` is (n_members, n_rows, n_outputs) in float64; ``weights`` is (n_members,),
the weight of each member in the mean, of sum 1; ``classes`` is (n_rows,) of class indices. The
log-odds of each member, (n_members, n_rows), are those of a class against all others together.
Nothing here takes the logarithm of zero.
"""

import numpy as np


def mean_proba(log_proba, weights):
    """Return the mean probability, which overwrites its logarithms.

    Parameters
    ----------
    log_proba : ndarray of shape (n_members, n_rows, n_columns)
    weights : ndarray of shape (n_members,)

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    proba = np.exp(log_proba, out=log_proba)
    proba *= weights[:, None, None]
    return np.add.reduce(proba, axis=0)


def log_mean_proba(log_proba, weights):
    """Return the logarithm of the mean probability.

    Parameters
    ----------
    log_proba : ndarray of shape (n_members, n_rows, n_columns)
    weights : ndarray of shape (n_members,)

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
    """
    # SciPy's logsumexp does the same, but takes longer than the network for a few rows.
    highest = log_proba.max(axis=0)
    return np.log(mean_proba(log_proba - highest, weights)) + highest


def mean_log_odds(logits, weights):
    """Return the log-odds of the mean probability of sigmoids.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_outputs)
    weights : ndarray of shape (n_members,)

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
    """
    yes, no = log_sigmoid(logits), log_sigmoid(-logits)
    return log_mean_proba(yes, weights) - log_mean_proba(no, weights)


def log_sigmoid(logits):
    """Return log(p) of independent sigmoids."""
    return -np.logaddexp(0, -logits)


def softmax_log_odds(logits, classes):
    """Return each member's log-odds of a class (n_members, n_rows), and their gradient.

    They are ``logit(softmax(logits)[class])``; ``logits`` and the gradient are (n_members, n_rows,
    n_classes), ``classes`` is (n_rows,).
    """
    places = np.broadcast_to(classes[None, :, None], (*logits.shape[:2], 1))
    chosen = np.take_along_axis(logits, places, axis=2)
    others = logits.copy()
    np.put_along_axis(others, places, -np.inf, axis=2)
    highest = others.max(axis=2, keepdims=True)
    shares = np.exp(others - highest)
    total = shares.sum(axis=2, keepdims=True)
    grad = -shares / total
    np.put_along_axis(grad, places, 1.0, axis=2)
    return (chosen - highest - np.log(total))[..., 0], grad


def sigmoid_log_odds(logits, classes):
    """Return what :func:`softmax_log_odds` does, for one sigmoid and the classes 0 and 1."""
    signs = np.where(classes == 1, 1.0, -1.0)[:, None]
    return (logits * signs)[..., 0], np.broadcast_to(signs, logits.shape)


def label_log_odds(logits, classes):
    """Return what :func:`softmax_log_odds` does, for a sigmoid a label and one label a row."""
    places = np.broadcast_to(classes[None, :, None], (*logits.shape[:2], 1))
    grad = np.zeros_like(logits)
    np.put_along_axis(grad, places, 1.0, axis=2)
    return np.take_along_axis(logits, places, axis=2)[..., 0], grad


def log_odds_of_mean(odds, weights):
    """Return the log-odds of the members' mean probability, and their gradient.

    ``odds`` and the gradient are (n_members, n_rows).
    """
    yes, no = log_sigmoid(odds), log_sigmoid(-odds)
    mean_yes = log_mean_proba(yes[..., None], weights)[:, 0]
    mean_no = log_mean_proba(no[..., None], weights)[:, 0]
    slope = yes + no + np.log(weights)[:, None]  # log of p (1 - p) times the weight
    return mean_yes - mean_no, np.exp(slope - mean_yes) + np.exp(slope - mean_no)


def class_log_odds(logits, weights, classes, loss, temperature=1.0):
    """Return the log-odds (n_rows,) of the predicted probability of a class, and their gradient.

    ``logits`` and the gradient are (n_members, n_rows, n_outputs), ``classes`` is (n_rows,), the
    ``temperature`` a number or (n_members, 1, 1).
    """
    odds, grad_logits = loss.member_log_odds(logits / temperature, classes)
    value, grad_odds = log_odds_of_mean(odds, weights)
    return value, grad_logits * grad_odds[..., None] / temperature
