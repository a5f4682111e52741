"""The SAML 2.0 identity provider: what is asked of it, and what it answers."""
