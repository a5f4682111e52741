"""The dialects that systems speak to us. A new dialect is a new module here."""
