"""The documents that views show: one module a kind."""
