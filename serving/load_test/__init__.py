"""Load on a model server, in a closed or an open loop, and what it did to the latency."""
