-- Members, and the resumes that they keep.

CREATE TABLE users (
    id                  uuid        PRIMARY KEY,
    -- As they were typed, ...
    username            text        NOT NULL,
    email               text        NOT NULL,
    -- ... and as they are compared: without regard to case, and the same in every locale.
    username_key        text        NOT NULL CONSTRAINT users_username UNIQUE,
    email_key           text        NOT NULL CONSTRAINT users_email UNIQUE,
    -- A PHC string: Argon2id with its parameters.
    password_hash       text        NOT NULL,
    -- Counts changes of the password. What was made for an older one is void.
    password_version    bigint      NOT NULL DEFAULT 1 CHECK (password_version > 0),
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    role                text        NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'recruiter', 'admin')),
    -- Counts changes of the role: of two that Redis is told, the newer one holds.
    role_version        bigint      NOT NULL DEFAULT 1 CHECK (role_version > 0),
    full_name           text,
    -- E.164.
    phone               text,
    years_of_experience integer     CHECK (years_of_experience BETWEEN 0 AND 60),
    skills              text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(skills) <= 50),
    created_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE resumes (
    user_id    uuid        PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- A new one for each upload: who reads an older one in pieces notices.
    id         uuid        NOT NULL UNIQUE,
    media_type text        NOT NULL,
    size       integer     NOT NULL CHECK (size > 0),
    content    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Not compressed again: pieces are then read without reading the whole.
ALTER TABLE resumes ALTER COLUMN content SET STORAGE EXTERNAL;
