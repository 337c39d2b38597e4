"""Commands about segments, triggers and milestones."""
