"""The demo: a synthetic province, its stand-in systems, and one journey through real HTTP."""
