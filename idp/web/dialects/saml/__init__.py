"""SAML 2.0 over HTTP: sign-in, logout, metadata."""
