"""Directories of staff: what one is, what it may be asked, and what its answers mean. No socket."""
