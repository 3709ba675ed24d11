"""MEXC perpetual futures: the wire protocol, the connection and the recorded market."""
