"""HTTP in and out for the protocol; the only place where a refusal becomes a response."""
