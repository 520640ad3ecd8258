"""The machine that commands run on."""
