-- A recruiter's list, the newest first. Nobody writes interviews while it is built: where there are millions, first run
-- this with CREATE INDEX CONCURRENTLY by hand.
CREATE INDEX IF NOT EXISTS interviews_of_owner ON interviews (owner_id, created_at, id);
