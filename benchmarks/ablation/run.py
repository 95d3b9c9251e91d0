"""Fit with changed parameters: ``python -m benchmarks.ablation.run --data FOLDER``.

The splits are others than those that the accuracy is reported on. Fits run one at a time, in a
process each; those that the file of results has are not run again.
"""

from functools import partial
from pathlib import Path

from benchmarks.ablation.changes import CHANGES, DEFAULTS, make
from benchmarks.accuracy import results
from benchmarks.accuracy.fitting import Job, fit_and_score
from benchmarks.accuracy.process import run_alone
from benchmarks.accuracy.protocol import Caps, find_tables
from benchmarks.accuracy.run import about, command_line, fits, run

PATH = Path(__file__).parent / "results" / "ablation.jsonl"
SPLITS = (10,)
CAPS = Caps(4_000, 10_000)
# Small and large, numbers and categories, two classes and many.
SETS = (
    "abalone_3class",
    "adult",
    "amazon_access",
    "bank_churners",
    "car",
    "churn",
    "covertype_20k_cat",
    "credit_g",
    "dermatology",
    "diabetes_pima",
    "electricity",
    "hr_employee",
    "ionosphere",
    "online_shoppers",
    "phoneme",
    "satimage",
    "soybean",
    "telco_churn",
    "tic_tac_toe",
    "titanic",
    "vehicle",
    "wilt",
    "wine_quality",
)


def main():
    """Run the fits that are asked for; write each as soon as it is done."""
    options = read_options()
    paths = find_tables(options.data, options.sets)
    caps = Caps(options.max_train, options.max_test)
    check_caps(options.out, caps)
    facts = {"caps": list(caps), **about("skdnn")}

    def start(data, change, number):
        job = Job(paths[data], number, partial(make, change), caps)
        return run_alone(partial(fit_and_score, job), options.limit) | facts

    names = chosen(options.parameters)
    run(fits(paths, names, options.splits, takes_turns=False), start, options.out, options.retry)
    print(f"\nResults: {options.out}\nNow the report: python -m benchmarks.ablation.report")


def read_options():
    """Read the command line."""
    parser = command_line("benchmarks.ablation.run", __doc__)
    parser.set_defaults(out=PATH, sets=SETS, splits=SPLITS)
    names = sorted({name for change in CHANGES.values() for name in change})
    parser.add_argument("--parameters", nargs="+", choices=names, help="change these alone")
    parser.add_argument("--max-train", type=int, default=CAPS.n_train)
    parser.add_argument("--max-test", type=int, default=CAPS.n_test)
    return parser.parse_args()


def chosen(parameters):
    """Return the defaults and the changes to the parameters named, or all changes."""
    if not parameters:
        return list(CHANGES)
    return [name for name in CHANGES if name == DEFAULTS or set(CHANGES[name]) & set(parameters)]


def check_caps(path, caps):
    """Refuse to go on with results on other numbers of rows.

    Raises
    ------
    ValueError
        If the file has such results.
    """
    others = {tuple(row["caps"]) for row in results.read([path])} - {tuple(caps)}
    if others:
        raise ValueError(
            f"{path} has results with at most {others.pop()} rows for training and testing; these "
            f"would be with {tuple(caps)}. Write them to another file with --out."
        )


if __name__ == "__main__":
    main()
