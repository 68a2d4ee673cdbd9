"""Finds the migrations that an application brings along: one module per family of tools."""
