"""From tables of any library to arrays: reading, encoding and scaling columns."""
