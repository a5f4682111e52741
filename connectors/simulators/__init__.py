"""Stand-ins for real systems, each a process of its own with its own account table.

They ship with the product for the demo and for integrators to read; they are not for production.
"""
