"""The actions of the API: what each answers, read from a catalogue."""
