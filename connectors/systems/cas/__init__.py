"""CAS 3: services, tickets and answers, as pure rules. HTTP is elsewhere."""
