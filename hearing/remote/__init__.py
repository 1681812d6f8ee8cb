"""Acts of staff from the command line: through the server that runs on a folder, or on the folder itself."""
