"""The corridor: the published language, and the forms in which an event crosses from room to room."""
