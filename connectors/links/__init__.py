"""Identity links: which account of which system belongs to which subject, and why."""
