"""What `biofs ls` shows and where it gets it."""
