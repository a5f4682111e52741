"""Fixtures that every test may ask for."""

pytest_plugins = [
    "tests.fixtures_stores",
    "tests.fixtures_world",
    "tests.fixtures_scim",
    "tests.fixtures_privacy",
]
