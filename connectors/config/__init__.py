"""Systems in TOML, and how a mistake in any table of the configuration is told."""
