"""What signs and seals. Knows nothing of people, HTTP or OAuth.

Owns the key ring and its rotation, the one door through which a JWT is read,
sealing at rest, and the few SQL verbs that every store of the house is written in.
"""
