"""What lies on the disks of this machine: mounts, files beneath a directory, where data are."""
