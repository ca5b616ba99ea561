"""The revisions of the durable tables, oldest first; one that was released is never changed."""
