"""Tests of the room that makes messages."""
