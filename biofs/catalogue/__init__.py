"""What is known of the catalogue, how fresh it is, and how more of it is asked for.

Knows nothing of FUSE: the mount and the commands are both its readers.
"""
