"""Worker processes on this machine, for Beam's local runner."""
