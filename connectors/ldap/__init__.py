"""LDAPv3 messages for both sides: bytes in, values out, and no socket anywhere."""
