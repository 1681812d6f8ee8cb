"""Live transcription: a worker that hears channels, and the relay's side that gives them to it."""
