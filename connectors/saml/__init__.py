"""What both sides of SAML 2.0 share: the one door for XML, signatures, bindings, names."""
