//! What an account can do, in the order that is safe: count first, spend a hash then,
//! write last.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::form::SignUp;
use crate::access::{Access, Bearer, Caller, Device, Opened};
use crate::fault::{Dependency, Fault};
use crate::limits::{Limits, Permit, Tried};
use crate::password::{Hasher, Match, Password, Place, unless_gone};
use crate::users::{Created, Login, NewUser, PasswordHash, User, Users};

/// What accounts stand on.
#[derive(Debug)]
pub struct Parts {
    /// Tries to log in.
    pub limits: Limits,
    /// Who there is.
    pub users: Users,
    /// Argon2.
    pub hasher: Hasher,
    /// Sessions.
    pub access: Access,
}

/// Accounts, through one worker's Redis client.
#[derive(Debug)]
pub struct Accounts(Parts);

/// Verdicts on a sign-up.
#[derive(Debug)]
pub(super) enum SignedUp {
    Opened(Opened, Box<User>),
    /// The account is made; its session could not be opened.
    Unopened(Fault),
    Taken {
        username: bool,
        email: bool,
    },
}

/// Verdicts on a log-in.
#[derive(Debug)]
pub(super) enum LoggedIn {
    Opened(Opened, Box<User>),
    Wrong,
    /// For so long; whether that is news.
    Throttled(Duration, bool),
}

/// Verdicts on a change of password.
#[derive(Debug)]
pub(super) enum Changed {
    Done,
    /// The session that asks has ended meanwhile.
    Over,
    Wrong,
    /// As of a log-in.
    Throttled(Duration, bool),
}

impl Accounts {
    /// Accounts on these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Makes an account and opens its first session.
    pub(super) async fn sign_up(
        &self,
        _: &Permit,
        form: SignUp,
        device: &Device,
        gone: &CancellationToken,
    ) -> Result<SignedUp, Fault> {
        let Parts { users, hasher, access, .. } = &self.0;
        let hash = PasswordHash::new(unless_gone(gone, hasher.hash(&form.password)).await?);
        let SignUp { username, email, full_name, .. } = form;
        match users.create(NewUser { username, email, full_name, hash }).await? {
            Created::Taken { username, email } => Ok(SignedUp::Taken { username, email }),
            Created::User(user) => match access.open(&user, device).await {
                Ok(Some(opened)) => Ok(SignedUp::Opened(opened, user)),
                Ok(None) => Ok(SignedUp::Unopened(Fault::new(Dependency::Load, "its password was changed meanwhile"))),
                Err(fault) => Ok(SignedUp::Unopened(fault)),
            },
        }
    }

    /// Opens a session for whoever knows the password. The try is counted before a hash
    /// is spent on it, and given back where it was right, or could not be judged.
    pub(super) async fn log_in(
        &self,
        permit: Permit,
        login: &Login,
        password: &Password,
        device: &Device,
        gone: &CancellationToken,
    ) -> Result<LoggedIn, Fault> {
        let Parts { limits, hasher, .. } = &self.0;
        let place = match hasher.place() {
            Ok(place) => place,
            Err(fault) => {
                told(limits.give_back(permit).await);
                return Err(fault);
            }
        };
        let tried = match limits.try_login(login).await {
            Ok(Tried::Go(tried)) => tried,
            Ok(Tried::Wait(wait, first)) => {
                limits.give_back(permit).await?;
                return Ok(LoggedIn::Throttled(wait, first));
            }
            Err(fault) => {
                told(limits.give_back(permit).await);
                return Err(fault);
            }
        };
        match self.judge(place, login, password, device, gone).await {
            Ok(Some((opened, user))) => {
                told(limits.clear_login(login).await);
                told(limits.give_back(permit).await);
                Ok(LoggedIn::Opened(opened, user))
            }
            Ok(None) => Ok(LoggedIn::Wrong),
            // Who hangs up has made a try all the same: else tries could be had for nothing.
            Err(fault) if gone.is_cancelled() => Err(fault),
            Err(fault) => {
                told(limits.undo_login(tried).await);
                told(limits.give_back(permit).await);
                Err(fault)
            }
        }
    }

    /// One hash, whether there is such a user or not.
    async fn judge(
        &self,
        place: Place,
        login: &Login,
        password: &Password,
        device: &Device,
        gone: &CancellationToken,
    ) -> Result<Option<(Opened, Box<User>)>, Fault> {
        let Parts { users, hasher, access, .. } = &self.0;
        let found = users.by_login(login).await?;
        let stored = found.hash()?;
        let verdict =
            unless_gone(gone, hasher.verify_at(place, password, stored.as_ref().map(PasswordHash::phc))).await?;
        if verdict == Match::Wrong {
            return Ok(None);
        }
        let Some(user) = found.user()? else { return Ok(None) };
        if verdict == Match::Outdated {
            // Known to be right: the only moment at which it can be hashed as is fit now.
            match unless_gone(gone, hasher.hash(password)).await {
                Ok(phc) => told(users.rehash(user.id, user.password_version, PasswordHash::new(phc)).await),
                Err(fault) => told(Err(fault)),
            }
        }
        // `None`: the password was changed while its hash was made.
        Ok(access.open(&user, device).await?.map(|opened| (opened, Box::new(user))))
    }

    /// Sets a new password for whoever knows the current one; the other sessions end.
    pub(super) async fn change_password(
        &self,
        member: &Member,
        current: &Password,
        new: &Password,
        gone: &CancellationToken,
    ) -> Result<Changed, Fault> {
        let Parts { limits, hasher, .. } = &self.0;
        let login = Login::of(&member.user.username);
        let tried = match limits.try_login(&login).await? {
            Tried::Go(tried) => tried,
            Tried::Wait(wait, first) => return Ok(Changed::Throttled(wait, first)),
        };
        let hashed = async {
            match unless_gone(gone, hasher.verify(current, Some(member.hash.phc()))).await? {
                Match::Wrong => Ok(None),
                Match::Right | Match::Outdated => unless_gone(gone, hasher.hash(new)).await.map(Some),
            }
        };
        match hashed.await {
            Ok(None) => Ok(Changed::Wrong),
            Ok(Some(phc)) => {
                told(limits.clear_login(&login).await);
                self.set(member, PasswordHash::new(phc)).await
            }
            Err(fault) if gone.is_cancelled() => Err(fault),
            Err(fault) => {
                told(limits.undo_login(tried).await);
                Err(fault)
            }
        }
    }

    async fn set(&self, member: &Member, hash: PasswordHash) -> Result<Changed, Fault> {
        let Parts { users, access, .. } = &self.0;
        let Member { caller, user, .. } = member;
        if !access.password_changing(caller, user.password_version + 1).await? {
            return Ok(Changed::Over);
        }
        match users.set_password(user.id, user.password_version, hash).await? {
            // Somebody else was faster: what was typed is not the current password any more.
            None => Ok(Changed::Wrong),
            Some(version) => {
                access.password_changed(user, version, Some(caller.session())).await?;
                Ok(Changed::Done)
            }
        }
    }

    /// The user of a token and whether its session lives, asked at the same time; `None`
    /// where it does not.
    pub(super) async fn member(&self, bearer: &Bearer) -> Result<Option<Member>, Fault> {
        let Parts { users, access, .. } = &self.0;
        let (caller, found) = tokio::join!(access.check(bearer), users.load(bearer.user()));
        let (Some(mut caller), Some((user, hash))) = (caller?, found?) else { return Ok(None) };
        if caller.password_version() < user.password_version {
            // The password was changed, by this very session between the two answers, or by
            // another one and Redis has forgotten it. Postgres has not.
            match access.check(bearer).await? {
                Some(again) if again.password_version() >= user.password_version => caller = again,
                _ => return Ok(None),
            }
        }
        Ok(Some(Member { caller, user, hash }))
    }
}

/// An authenticated user as Postgres has it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(super) caller: Caller,
    pub(super) user: User,
    hash: PasswordHash,
}

/// What is tidied up afterwards must not undo what was decided; the log hears of it.
fn told(outcome: Result<(), Fault>) {
    if let Err(fault) = outcome {
        tracing::warn!(cause = %fault, "a log-in could not be tidied up after");
    }
}
