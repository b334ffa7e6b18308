"""What may not be drawn or published: rules, protected names, reports, takedowns."""
