"""The LDAP read view as pure rules: names, entries, what a filter means. No socket, no store."""
