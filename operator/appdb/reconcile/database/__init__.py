"""AppDatabase: observe, decide, act, report."""
