"""What comes of it: the results file, tables, plots and targets."""
