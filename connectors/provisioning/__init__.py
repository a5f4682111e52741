"""Provisioning and notices of change: what a system is told, by which way, in which order."""
