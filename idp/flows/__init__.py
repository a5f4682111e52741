"""The journeys, one file each. They know ports and rules, never HTTP."""
