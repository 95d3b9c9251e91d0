"""How good the probabilities are: defaults against defaults on real tables. See ``run.py``."""
