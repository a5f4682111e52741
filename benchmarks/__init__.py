"""The load kit: the same work for us and for a peer, in one run."""
