"""Forward-auth: a reverse proxy asks us before every request, and tells the system who came.

`paths` says what is public, `hosts` whose host it is, `headers` what the system is told, and
`assertion` signs it.
"""
