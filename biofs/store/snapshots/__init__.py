"""Snapshots as they are published: the description, compressed files, deltas, signatures.

Knows no network: whoever fetches or uploads the files hands them over here.
"""
