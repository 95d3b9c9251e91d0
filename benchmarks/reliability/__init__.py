"""Failures made on purpose: what is left of a model when files are damaged."""
