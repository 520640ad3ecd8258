"""What is peculiar to Linux and FUSE."""
