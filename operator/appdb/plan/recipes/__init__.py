"""How each kind of change is made without losing rows or stalling the application.

One module per kind of object; each function takes a change and returns units. Pure.
"""
