"""A source that speaks SAML 2.0: we are its service provider."""
