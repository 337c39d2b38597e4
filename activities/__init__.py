"""Side effects, one file per collection acted on."""
