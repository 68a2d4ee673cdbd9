"""The commands of `appdb`, one module each, loaded only when called.

A command parses its words and calls one function of the package; it decides nothing.
"""
