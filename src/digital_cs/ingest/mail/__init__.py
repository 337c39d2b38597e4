"""Mail and notices that come back."""
