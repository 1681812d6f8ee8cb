"""A site without a server: made from the record, kept in a folder that any file server can serve."""
