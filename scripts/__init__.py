"""What the scripts in this directory run, where that is Python."""
