"""What each part of the default recipe is worth. See ``run.py``."""
