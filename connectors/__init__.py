"""One identity in, one local account out. Knows `keys`, never `idp`.

Owns the registry of information systems, the identity links, claim mapping,
the downstream dialects and the simulators of old systems.
"""
