"""The mount: the catalogue as a directory, at the kernel's edge."""
