"""What a prompt says: its subjects, found in a library of pictures, and the scene around them. Pure."""
