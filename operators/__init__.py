"""The domain: tape records, indicators, strategies, the desk, statistics. Pure functions of what is passed in."""
