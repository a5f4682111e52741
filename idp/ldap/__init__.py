"""The LDAP front: a listener, conversations, who is believed, what is read. It writes nothing."""
