"""The SCIM 2.0 server: staff registers push accounts, each sees and changes its own alone."""
