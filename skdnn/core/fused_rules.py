"""What compiled loops are told of update rules."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.codes import RuleCode
from skdnn.core.fused.tables import Rule
from skdnn.core.optimizers import Adam, GradientDescent, Momentum


class FusedRule(NamedTuple):
    """How compiled loops know an update rule.

    Attributes
    ----------
    constants : callable
        ``rule -> (code, share_1, share_2, epsilon)``; see
        :class:`skdnn.core.fused.tables.Rule`.
    factors : callable
        ``(rule, numbers) -> factors`` of the steps with these numbers, shape (n_steps, 2).
    """

    constants: Callable
    factors: Callable


def _descent_constants(rule):
    return RuleCode.GRADIENT_DESCENT, 0.0, 0.0, 0.0


def _momentum_constants(rule):
    return RuleCode.MOMENTUM, float(rule.momentum), float(rule.nesterov), 0.0


def _adam_constants(rule):
    return RuleCode.ADAM, float(rule.beta_1), float(rule.beta_2), float(rule.epsilon)


def _ones(rule, numbers):
    return np.ones((len(numbers), 2))


def _adam_factors(rule, numbers):
    return 1 / (1 - np.array([rule.beta_1, rule.beta_2]) ** numbers[:, None])


RULES = {
    GradientDescent: FusedRule(_descent_constants, _ones),
    Momentum: FusedRule(_momentum_constants, _ones),
    Adam: FusedRule(_adam_constants, _adam_factors),
}


def rule_table(rule, plan):
    """Return the Rule that compiled loops follow."""
    code, *constants = RULES[type(rule)].constants(rule)
    max_norm = np.inf if plan.max_grad_norm is None else float(plan.max_grad_norm)
    return Rule(int(code), *constants, float(plan.weight_decay), float(plan.alpha), max_norm)
