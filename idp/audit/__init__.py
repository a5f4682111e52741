"""The hash-chained record of what was decided; no field can be personal data."""
