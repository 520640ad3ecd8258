"""The JSON API of BioTorrents.de: requests, typed answers, pace and transport. Knows no files."""
