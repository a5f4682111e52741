"""Forward-auth over HTTP.

`gate` answers the proxy at every request. `threshold` is our own place on the protected host,
where a sign-in begins and ends. `door` is the same sign-in journey as for every other dialect, at
our own host. `handles` carries a browser from one to the next.
"""
