"""Failures made on purpose, and what they leave."""
