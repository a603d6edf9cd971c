//! Sessions that live: listed, and ended.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Access, Caller, Parts};
use crate::fault::Fault;
use crate::id::Id;
use crate::redis::{LOOKS_MAX, Reply, scripts};
use crate::users::UserId;

/// A session, as its owner may know it.
#[derive(Debug)]
pub struct Living {
    /// Which.
    pub id: Id,
    /// Unix ms.
    pub created: u64,
    /// Unix ms of the last log-in or refresh.
    pub used: u64,
    /// As it called itself then.
    pub device: String,
    /// Of the client then.
    pub address: String,
}

impl Living {
    /// `None` where it has ended between the two looks.
    fn read(id: Id, reply: &Reply) -> Result<Option<Self>, Fault> {
        if reply.is("gone") {
            return Ok(None);
        }
        let (created, used) = (reply.number(0)?, reply.number(1)?);
        Ok(Some(Self { id, created, used, device: reply.text(2)?, address: reply.text(3)? }))
    }
}

impl Access {
    /// The living sessions of the caller, the newest first.
    ///
    /// # Errors
    /// A [`Fault`] where Redis cannot say.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Living>, Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let user = caller.user().id();
        let reply = redis.decide(&scripts::SESSION_LIST, [&keys.account(&user)], []).await?;
        let looks = stream::iter(ids(&reply)).map(async |id| {
            let reply = redis.decide(&scripts::SESSION_SHOW, [&keys.session(&user, &id)], []).await?;
            Living::read(id, &reply)
        });
        let living: Vec<Option<Living>> = looks.buffered(LOOKS_MAX).try_collect().await?;
        Ok(living.into_iter().flatten().collect())
    }

    /// Ends one session of the caller, at once on every node; `false` where it is none of
    /// theirs that lives.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then it may have ended, or not.
    pub async fn end(&self, caller: &Caller, session: &Id) -> Result<bool, Fault> {
        Ok(self.end_of(caller.user(), session).await?.is("ended"))
    }

    /// Ends every session of the caller, at once on every node.
    ///
    /// # Errors
    /// A [`Fault`] where Redis does not answer: then they may have ended, or not.
    pub async fn end_all(&self, caller: &Caller) -> Result<(), Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let reply = redis.decide(&scripts::SESSION_END_ALL, [&keys.account(&caller.user().id())], []).await?;
        self.drop_ended(caller.user(), &reply).await;
        Ok(())
    }

    /// Drops what is left of the sessions that a decision has ended and named. They are
    /// dead already: what is not dropped here expires.
    pub async fn drop_ended(&self, user: UserId, reply: &Reply) {
        for session in ids(reply) {
            if let Err(fault) = self.end_of(user, &session).await {
                tracing::debug!(cause = %fault, "what is left of an ended session expires by itself");
                return;
            }
        }
    }

    async fn end_of(&self, user: UserId, session: &Id) -> Result<Reply, Fault> {
        let Parts { redis, keys, .. } = &self.0;
        let names = [&keys.session(&user.id(), session), &keys.account(&user.id())];
        redis.decide(&scripts::SESSION_END, names, [(*session).into(), user.id().into(), Id::nonce().into()]).await
    }
}

fn ids(reply: &Reply) -> Vec<Id> {
    reply.texts().filter_map(|id| Id::parse(&id)).collect()
}
