"""Whose certificates we believe: the system's CAs, and the deployment's own."""

import ssl


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """A context that believes the system's CAs and those in the file, and checks the host's name.

    Raises: ssl.SSLError where the file holds no certificate, OSError where it cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
