"""The OpenID provider and its pages.

`protocol/` holds pure rules, `flows/` the journeys, `web/` what touches HTTP,
`store/` and `authn/` the adapters; `app.py` is the only place where they are wired.
"""
