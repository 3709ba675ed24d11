"""A simulated MEXC: real matching, the wire protocol of the exchange, and its failures as switches."""
