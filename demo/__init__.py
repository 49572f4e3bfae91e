"""`make demo` and `make serve`: the whole line on samples. Part of the checkout, not installed."""
