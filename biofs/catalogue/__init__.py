"""What is known of the catalogue, how fresh it is, and how more of it is fetched.

Knows nothing of FUSE: the mount and the commands are both its readers.
"""
