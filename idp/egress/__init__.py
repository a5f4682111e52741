"""The one client for every address that somebody registered."""
