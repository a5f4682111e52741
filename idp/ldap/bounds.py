"""How much one connection, one message and one search may take."""

MAX_MESSAGE = 64 * 1024
MAX_CONNECTIONS = 512
MAX_PER_ADDRESS = 128
"""A mail server keeps a few dozen; a flood from one place leaves room for the others."""
HANDSHAKE_SECONDS = 10.0
STRANGER_SECONDS = 15.0
"""How long a connection may wait that has not proved itself: half-open ones do not pile up."""
IDLE_SECONDS = 900.0
"""How long a proved one may wait; mail servers keep theirs."""
WRITE_SECONDS = 20.0
"""How long somebody may take to read what we send."""
SEARCH_SECONDS = 10
MAX_FAILED_BINDS = 5
"""Then the connection ends: whoever guesses pays for a new one."""
MAX_ENTRIES = 1000
"""How many entries one search gives, a page or not."""
MAX_LOOKED_AT = 5000
"""How many people one search may look at for what has no index."""
PAGE_ROWS = 200
SERVICE_FAILURES = 10
SERVICE_WINDOW_SECONDS = 300
