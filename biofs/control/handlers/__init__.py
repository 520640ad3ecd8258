"""What a running mount answers about itself: `biofs status`, `biofs explain`, `biofs refresh`."""
