"""What may not be drawn or shown: rules, protected names, reports, takedowns."""
