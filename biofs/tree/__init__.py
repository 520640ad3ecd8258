"""The tree as pure functions: inode addresses, names, file lists, layout and rendering.

Nothing in here does I/O, waits, or knows FUSE: text from the catalogue goes in, and names, numbers
and bytes come out, the same on every run. Catalogue text is taken as hostile throughout.
"""
