"""What systems are told: the outbox, its lanes, and every way out of it."""
