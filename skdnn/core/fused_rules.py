"""What compiled loops are told of update rules."""

import numpy as np

from skdnn.core.codes import RuleCode
from skdnn.core.fused.tables import Rule
from skdnn.core.optimizers import Adam, GradientDescent, Momentum


def _descent_constants(rule):
    return RuleCode.GRADIENT_DESCENT, 0.0, 0.0, 0.0


def _momentum_constants(rule):
    return RuleCode.MOMENTUM, float(rule.momentum), float(rule.nesterov), 0.0


def _adam_constants(rule):
    return RuleCode.ADAM, float(rule.beta_1), float(rule.beta_2), float(rule.epsilon)


# rule -> (code, share_1, share_2, epsilon); see skdnn.core.fused.tables.Rule.
CONSTANTS = {
    GradientDescent: _descent_constants,
    Momentum: _momentum_constants,
    Adam: _adam_constants,
}


def rule_table(rule, plan):
    """Return the Rule that compiled loops follow."""
    code, *constants = CONSTANTS[type(rule)](rule)
    max_norm = np.inf if plan.max_grad_norm is None else float(plan.max_grad_norm)
    return Rule(int(code), *constants, float(plan.weight_decay), float(plan.alpha), max_norm)
