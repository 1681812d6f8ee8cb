"""The relay: a source's sound and picture to renditions, playlists, a recording and PCM, all in media time."""
