-- Whose interviews are, and what lists of them are read by.

-- Null where an operator made it: then it is every admin's, and no recruiter's.
ALTER TABLE interviews ADD COLUMN owner_id uuid REFERENCES users (id) ON DELETE SET NULL;

-- Newest first: of one recruiter, and of all.
CREATE INDEX interviews_of_owner ON interviews (owner_id, created_at, id);
CREATE INDEX interviews_of_all ON interviews (created_at, id);
