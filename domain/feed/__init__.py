"""Posts, trends and lanes: their order, their cursors, and what stands in them."""
