"""Small examples of streams, one file each; `/demos/` links to all of them."""
