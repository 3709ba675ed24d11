"""Values that are sampled at times of their own, whole seconds or the ends of bars, and looked up at each instant."""
