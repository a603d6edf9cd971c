//! The table of users.

use std::fmt;

use time::OffsetDateTime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row};

use super::{Login, Role, User, UserId};
use crate::fault::{Dependency, Fault};
use crate::postgres::Postgres;

/// What [`user_of`] reads.
const COLUMNS: &str = "id, username, email, full_name, phone, years_of_experience, skills, role, role_version, \
    password_version, created_at, EXISTS (SELECT FROM resumes WHERE user_id = users.id), password_hash";

/// The place of `password_hash` there.
const HASH_COLUMN: usize = 12;

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The PHC string of a password. It cannot be printed.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// As the hasher made it.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// For the hasher, and for Postgres.
    #[must_use]
    pub fn phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What Postgres has sent of a login: one row, of nulls where nobody has it. Reading a user
/// takes a while, which would tell that there is one: it is read when the password was judged.
pub struct Unread(Option<Row>);

impl Unread {
    /// Of the password; `None` where nobody has this login.
    ///
    /// # Errors
    /// A [`Fault`] where it is no text.
    pub fn hash(&self) -> Result<Option<PasswordHash>, Fault> {
        let Some(row) = &self.0 else { return Ok(None) };
        row.try_get::<_, Option<String>>(HASH_COLUMN)
            .map(|phc| phc.map(PasswordHash))
            .map_err(|error| unreadable(&error))
    }

    /// All but that; `None` where nobody has this login.
    ///
    /// # Errors
    /// A [`Fault`] where a column is not what it should be.
    pub fn user(&self) -> Result<Option<User>, Fault> {
        match (&self.0, self.hash()?) {
            (Some(row), Some(_)) => user_of(row).map(Some).map_err(|error| unreadable(&error)),
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unread(..)")
    }
}

/// A user to be made. The edge has checked every field.
pub struct NewUser {
    /// 3 to 20 of `A-Z a-z 0-9 _`.
    pub username: String,
    /// A relay would take it.
    pub email: String,
    /// At most 100 characters.
    pub full_name: Option<String>,
    /// Of the password.
    pub hash: PasswordHash,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewUser(..)")
    }
}

/// What became of a new user.
#[derive(Debug)]
pub enum Created {
    /// It is there.
    User(Box<User>),
    /// Somebody has these already.
    Taken {
        /// The username is taken.
        username: bool,
        /// The address is taken.
        email: bool,
    },
}

/// What is to be changed of a profile: `None` is left as it is, `Some(None)` is cleared.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// At most 100 characters.
    pub full_name: Option<Option<String>>,
    /// E.164.
    pub phone: Option<Option<String>>,
    /// 0 to 60.
    pub years_of_experience: Option<Option<i32>>,
    /// At most 50; empty is cleared.
    pub skills: Option<Vec<String>>,
}

/// Users in Postgres.
#[derive(Clone, Debug)]
pub struct Users {
    postgres: Postgres,
}

impl Users {
    /// Behind this pool.
    #[must_use]
    pub fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }

    /// Makes a user. Who comes second with a name or an address is told so by the
    /// database: nothing is looked up before.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then the user may be there, or not.
    pub async fn create(&self, user: NewUser) -> Result<Created, Fault> {
        const TAKEN: &str = "SELECT EXISTS (SELECT FROM users WHERE username_key = $1), \
            EXISTS (SELECT FROM users WHERE email_key = $2)";
        let insert = format!(
            "INSERT INTO users (id, username, username_key, email, email_key, full_name, password_hash) \
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
        );
        self.postgres
            .run("user_create", move |connection| async move {
                let (id, hash) = (UserId::fresh().uuid(), user.hash.phc());
                let (username, email) = (Login::of(&user.username), Login::of(&user.email));
                let (username, email) = (username.key(), email.key());
                let parameters: [Parameter<'_>; 7] = [
                    (&id, Type::UUID),
                    (&user.username, Type::TEXT),
                    (&username, Type::TEXT),
                    (&user.email, Type::TEXT),
                    (&email, Type::TEXT),
                    (&user.full_name, Type::TEXT),
                    (&hash, Type::TEXT),
                ];
                if let Some(row) = connection.query_typed(&insert, &parameters).await?.first() {
                    return Ok(Created::User(Box::new(user_of(row)?)));
                }
                let rows = connection.query_typed(TAKEN, &[(&username, Type::TEXT), (&email, Type::TEXT)]).await?;
                let taken = |n| rows.first().map_or(Ok(false), |row| row.try_get(n));
                Ok(Created::Taken { username: taken(0)?, email: taken(1)? })
            })
            .await
    }

    /// The user of this name or address, if there is one: looking takes as long if not.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn by_login(&self, login: &Login) -> Result<Unread, Fault> {
        // A name has no @, and an address has one: no two users match.
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT $1::text AS login) AS typed \
            LEFT JOIN users ON username_key = login OR email_key = login"
        );
        let login = login.clone();
        self.postgres
            .run("user_by_login", move |connection| async move {
                let rows = connection.query_typed(&sql, &[(&login.key(), Type::TEXT)]).await?;
                Ok(Unread(rows.into_iter().next()))
            })
            .await
    }

    /// The user of this address, however it is written.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE email_key = $1");
        let login = Login::of(email);
        self.postgres
            .run("user_by_email", move |connection| async move {
                let rows = connection.query_typed(&sql, &[(&login.key(), Type::TEXT)]).await?;
                rows.first().map(user_of).transpose()
            })
            .await
    }

    /// A user, with the hash of the password.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn load(&self, id: UserId) -> Result<Option<(User, PasswordHash)>, Fault> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
        self.postgres
            .run("user_load", move |connection| async move {
                let rows = connection.query_typed(&sql, &[(&id.uuid(), Type::UUID)]).await?;
                rows.first().map(with_hash).transpose()
            })
            .await
    }

    /// Sets a new password over the one of `version`; answers the new version, or `None`
    /// where that password is not the current one any more.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed: then the password may be the new one, or not.
    pub async fn set_password(&self, id: UserId, version: i64, hash: PasswordHash) -> Result<Option<i64>, Fault> {
        const SQL: &str = "UPDATE users SET password_hash = $1, password_version = password_version + 1, \
            password_changed_at = now() WHERE id = $2 AND password_version = $3 RETURNING password_version";
        self.postgres
            .run("password_set", move |connection| async move {
                let parameters: [Parameter<'_>; 3] =
                    [(&hash.phc(), Type::TEXT), (&id.uuid(), Type::UUID), (&version, Type::INT8)];
                let rows = connection.query_typed(SQL, &parameters).await?;
                rows.first().map(|row| row.try_get(0)).transpose()
            })
            .await
    }

    /// Writes the same password down with newer parameters: no version changes, and
    /// nothing is voided. Where the password has changed meanwhile, that stands.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn rehash(&self, id: UserId, version: i64, hash: PasswordHash) -> Result<(), Fault> {
        const SQL: &str = "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_version = $3";
        self.postgres
            .run("password_rehash", move |connection| async move {
                let parameters: [Parameter<'_>; 3] =
                    [(&hash.phc(), Type::TEXT), (&id.uuid(), Type::UUID), (&version, Type::INT8)];
                connection.query_typed(SQL, &parameters).await.map(drop)
            })
            .await
    }

    /// Gives a user a role; answers who it is, and the role's new version. `None` where
    /// there is no such user.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn set_role(&self, login: &Login, role: Role) -> Result<Option<(UserId, i64)>, Fault> {
        const SQL: &str = "UPDATE users SET role = $1, role_version = role_version + 1 \
            WHERE username_key = $2 OR email_key = $2 RETURNING id, role_version";
        let login = login.clone();
        self.postgres
            .run("role_set", move |connection| async move {
                let parameters: [Parameter<'_>; 2] = [(&role.name(), Type::TEXT), (&login.key(), Type::TEXT)];
                let rows = connection.query_typed(SQL, &parameters).await?;
                rows.first().map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).transpose()
            })
            .await
    }

    /// Changes a profile; answers the user as it is then, `None` where there is none.
    ///
    /// # Errors
    /// A [`Fault`] where Postgres failed.
    pub async fn update_profile(&self, id: UserId, change: ProfileChange) -> Result<Option<User>, Fault> {
        let sql = format!(
            "UPDATE users SET full_name = CASE WHEN $2 THEN $3 ELSE full_name END, \
                phone = CASE WHEN $4 THEN $5 ELSE phone END, \
                years_of_experience = CASE WHEN $6 THEN $7 ELSE years_of_experience END, \
                skills = coalesce($8, skills) \
            WHERE id = $1 RETURNING {COLUMNS}"
        );
        self.postgres
            .run("profile_update", move |connection| async move {
                let ProfileChange { full_name, phone, years_of_experience, skills } = change;
                let parameters: [Parameter<'_>; 8] = [
                    (&id.uuid(), Type::UUID),
                    (&full_name.is_some(), Type::BOOL),
                    (&full_name.flatten(), Type::TEXT),
                    (&phone.is_some(), Type::BOOL),
                    (&phone.flatten(), Type::TEXT),
                    (&years_of_experience.is_some(), Type::BOOL),
                    (&years_of_experience.flatten(), Type::INT4),
                    (&skills, Type::TEXT_ARRAY),
                ];
                let rows = connection.query_typed(&sql, &parameters).await?;
                rows.first().map(user_of).transpose()
            })
            .await
    }
}

fn with_hash(row: &Row) -> Result<(User, PasswordHash), Error> {
    Ok((user_of(row)?, PasswordHash(row.try_get(HASH_COLUMN)?)))
}

fn unreadable(error: &Error) -> Fault {
    Fault::new(Dependency::Postgres, format!("a user cannot be read: {error}"))
}

fn user_of(row: &Row) -> Result<User, Error> {
    let role: String = row.try_get(7)?;
    Ok(User {
        id: UserId(row.try_get(0)?),
        username: row.try_get(1)?,
        email: row.try_get(2)?,
        full_name: row.try_get(3)?,
        phone: row.try_get(4)?,
        years_of_experience: row.try_get(5)?,
        skills: row.try_get(6)?,
        // A role of a newer version, that this one does not know, is the least of ours.
        role: Role::named(&role).unwrap_or(Role::Member),
        role_version: row.try_get(8)?,
        password_version: row.try_get(9)?,
        created: row.try_get::<_, OffsetDateTime>(10)?,
        has_resume: row.try_get(11)?,
    })
}
