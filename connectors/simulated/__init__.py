"""Markets that are made up: seeded, repeatable, with known pumps."""
