"""How fast skdnn is: adapters to libraries, cases, a runner and a report. See ``run.py``."""
