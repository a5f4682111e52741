"""Where people come from: upstream identity providers, their shapes and what they may say."""
