"""What attributes exist, what they may hold, and how that may change."""
