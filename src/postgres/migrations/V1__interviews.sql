-- Interviews, and the digests of the links that let candidates into them.
--
-- Migrations only move forward and only expand: a node of the version before must go on
-- working while this one rolls out.

CREATE TABLE interviews (
    id               uuid        PRIMARY KEY,
    candidate_name   text        NOT NULL,
    candidate_email  text        NOT NULL,
    position         text        NOT NULL,
    duration_minutes integer     NOT NULL CHECK (duration_minutes > 0),
    -- SHA-256 of the link's token. The token itself is only in the mail.
    link_digest      bytea       NOT NULL UNIQUE CHECK (octet_length(link_digest) = 32),
    link_expires_at  timestamptz NOT NULL,
    -- Made with the link; what the candidate's start opens.
    session_id       uuid        NOT NULL UNIQUE,
    created_at       timestamptz NOT NULL DEFAULT now(),
    revoked_at       timestamptz,
    started_at       timestamptz
);

-- Links that are dead here and may still be alive in Redis: written in the transaction
-- that kills them. If whoever kills a link dies before Redis is told, any node finishes
-- the work; and Redis is told again for an hour, for a failover may forget what it was
-- told last.
CREATE TABLE dead_links (
    link_digest bytea       PRIMARY KEY,
    died_at     timestamptz NOT NULL DEFAULT now(),
    told_at     timestamptz
);
