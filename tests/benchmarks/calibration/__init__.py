"""Comparisons on noise that is known: false alarms, found slowdowns, and how both depend on what is chosen."""
