"""The model server: draws videos for dispatchers over one websocket (frames in `schemas.work`)."""
