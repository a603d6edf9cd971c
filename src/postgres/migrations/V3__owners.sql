-- Whose interviews are, and which interview a dead link was of.
--
-- New columns without a value rewrite nothing; no foreign key, which would lock users, too. Whoever waits for one of
-- these locks makes all others wait behind: then this fails, and is to be run again.
SET LOCAL lock_timeout = '5s';

-- Null where an operator made it: then it is every admin's, and no recruiter's.
ALTER TABLE interviews ADD COLUMN owner_id uuid;

-- Null where a node of the version before wrote it.
ALTER TABLE dead_links ADD COLUMN interview_id uuid;
