"""The pages and endpoints of old, at their old addresses and by their old names."""
