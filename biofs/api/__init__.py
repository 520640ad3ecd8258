"""The JSON API of BioTorrents.de: requests, typed answers, pace and transport. Knows no files."""

import sys

# httpx loads its own command line if what that needs is installed, which takes a tenth of a second;
# it does without it if this import fails.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
