"""Talking to a running mount through a socket that only its owner can open.

Knows nothing of what is talked about: a line of JSON goes in, lines of JSON come out.
"""
