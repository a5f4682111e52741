"""Every refusal of the key room.

KeysError
├── SealBroken      a sealed value that is not ours, was changed, or belongs elsewhere
├── JoseRefused     a JWT or a JWK set that the one door does not let in
├── KeyRefused      a certificate that is none, or of too weak a key
├── RingConflict    somebody else changed the ring meanwhile
├── RingUnreadable  the stored ring cannot be read or opened
├── RingUnwritable  the ring cannot be stored now; the former one is whole
└── NoSuchKey       no key with that id or algorithm
"""


class KeysError(Exception):
    """A refusal of this room. Texts are ours, never input."""


class SealBroken(KeysError):
    """A sealed value that does not open; why is not told."""


class JoseRefused(KeysError):
    """A token or key set is refused; the text is a short reason of ours."""


class KeyRefused(KeysError):
    """A registered certificate is not one of a strong RSA key."""


class RingConflict(KeysError):
    """The ring was changed by another node; nothing was written."""


class RingUnreadable(KeysError):
    """The stored ring is damaged, too open to others, or sealed with an unknown key."""


class RingUnwritable(KeysError):
    """The ring cannot be stored now (a full disk, a missing right); the former one is whole."""


class NoSuchKey(KeysError):
    """The ring has no such key."""
