"""The life of a mount as a process."""
