"""The pages of a site without a server."""
