"""The operator as a process: kopf's watches, HTTP, logs and the wiring of all parts."""
