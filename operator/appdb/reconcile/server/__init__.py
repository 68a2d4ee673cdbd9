"""DatabaseServer: observe, act, report."""
