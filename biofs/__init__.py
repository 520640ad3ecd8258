"""biofs: the catalogue of BioTorrents.de as a read-only directory."""

__version__ = "0.1.0"
