"""Results of members as they finish training, and the state of all of them, to go on from later."""

import numpy as np


class Results:
    """Results of members as they finish.

    Parameters
    ----------
    ensemble : Ensemble
        The members that are still training.
    criterion : StoppingCriterion

    Attributes
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Set for members that are done.
    rule_state : dict of str to ndarray of shape (n_members, n_parameters)
        Memory of the update rule, if the plan keeps it.
    curves : list of ndarray of shape (3, n_members)
        Training loss, validation loss and validation score of each epoch.
    best_epoch, n_failures, has_converged : ndarray of shape (n_members,)
    """

    PER_MEMBER = "params", "best_epoch", "n_failures", "has_converged"

    def __init__(self, ensemble, criterion):
        params, plan = ensemble.params, ensemble.plan
        names = plan.rule.memory if plan.keep_memory else ()
        self.ensemble, self.criterion = ensemble, criterion
        self.params = np.empty_like(params)
        self.rule_state = {name: np.zeros_like(params) for name in names}
        self.curves = []
        self.best_epoch = np.zeros(len(params), np.intp)
        self.n_failures = np.zeros(len(params), np.intp)
        self.has_converged = np.zeros(len(params), bool)

    def add_members(self, done):
        """Keep the result of the members that are done.

        Parameters
        ----------
        done : ndarray of bool of shape (n_members_left,)
            Which members of the ensemble, those that are still training, are done.
        """
        ensemble = self.ensemble
        members, best = ensemble.members[done], ensemble.best
        params = ensemble.params if best.params is None else best.params
        of_rule = zip(self.rule_state.values(), ensemble.memory, strict=False)
        for kept, array in [(self.params, params), *of_rule]:
            for member, place in zip(members, np.flatnonzero(done), strict=True):
                kept[member] = array[place]  # one by one: no copy of all takes memory
        self.best_epoch[members] = best.epoch[done]
        self.n_failures[members] = ensemble.n_failures[done]

    def add_all(self):
        """Keep the result of all members, as if training ended now."""
        self.add_members(np.ones(len(self.ensemble.members), bool))

    def params_so_far(self):
        """Return a copy of the parameters that training would leave if it ended now."""
        self.add_all()
        return self.params.copy()

    def snapshot(self):
        """Return all that training needs to go on after this epoch, as a dict of arrays.

        The arrays are not copied.
        """
        is_done = self._is_done(self.ensemble.members)
        arrays = {name: getattr(self, name)[is_done] for name in self.PER_MEMBER}
        arrays |= {f"rule.{name}": array[is_done] for name, array in self.rule_state.items()}
        arrays["curves"] = np.stack(self.curves, axis=-1)
        if self.criterion.last is not None:
            arrays["latest"] = self.criterion.last
        of_ensemble = self.ensemble.snapshot()
        return arrays | {f"ensemble.{name}": array for name, array in of_ensemble.items()}

    def restore(self, saved):
        """Go on after the epoch of a snapshot of the same training.

        Parameters
        ----------
        saved : dict of str to ndarray
        """
        prefix = "ensemble."
        of_ensemble = {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
        self.ensemble.restore(of_ensemble)
        is_done = self._is_done(self.ensemble.members)
        for name in self.PER_MEMBER:
            getattr(self, name)[is_done] = saved[name]
        for name, array in self.rule_state.items():
            array[is_done] = saved[f"rule.{name}"]
        self.curves = list(np.moveaxis(saved["curves"], -1, 0))
        self.criterion.last = saved.get("latest")

    def _is_done(self, still_training):
        """Return which members are done, shape (n_members,)."""
        return np.isin(np.arange(len(self.params)), still_training, invert=True)
