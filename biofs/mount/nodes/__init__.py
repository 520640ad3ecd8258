"""The kinds of nodes and what each of them is: a module for what belongs together in the tree."""
