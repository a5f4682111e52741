"""Pure rules: strings in, values or refusals out. No I/O, no clock, no randomness."""
