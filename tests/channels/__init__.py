"""Tests of the channels: real dialogues over loopback."""
