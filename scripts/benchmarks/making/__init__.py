"""What is measured, made up: catalogues, stores, files of torrents, snapshots."""
