-- An admin's list, the newest first. As for the index before it.
CREATE INDEX IF NOT EXISTS interviews_of_all ON interviews (created_at, id);
