"""Tests of hearing.transcribe."""
