"""The stages of a sign-in that a person passes: one file each. None of them calls another."""
