"""The steps of training: a pilot fit, all members, weights and calibration, all rows."""

from skdnn.estimator.out_of_fold import calibrate
from skdnn.estimator.pilot import adapt_to_pilot
from skdnn.estimator.refit import refit
from skdnn.estimator.threads import threads_apart
from skdnn.estimator.train_members import train_members


def fit_ensemble(settings, fit_data, before, callbacks):
    """Return the FittedModel of the FitData; ``before`` is the one to continue from, or None."""
    n_threads = fit_data.n_members if fit_data.n_members > 1 else None
    with threads_apart(settings.n_jobs, n_threads) as threads:
        fit_data = adapt_to_pilot(settings, fit_data, before, threads)
        fitted, stopped_by = train_members(settings, fit_data, before, callbacks, threads)
        fitted, skill = calibrate(settings, fitted, fit_data, threads.map)
        if stopped_by:  # nobody wants more training
            return fitted._replace(resolved=fitted.resolved | {"refit_fraction": 0.0})
        return refit(settings, fitted, fit_data, skill, threads)
