"""The desk of an account: state machines, risk, orders, the simulated venue, positions and equity."""
