"""Every table as Piccolo sees it, by noun. Constraints, indexes and triggers stand in the migrations."""
