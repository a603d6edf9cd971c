//! Who may keep interviews.

use super::store::Reach;
use crate::access::Caller;
use crate::users::{Role, UserId};

/// An authenticated user who may keep interviews. Only [`Recruiter::of`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Recruiter {
    user: UserId,
    reach: Reach,
}

impl Recruiter {
    /// The caller, where their role lets them; `None` where it does not.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        let user = caller.user();
        let reach = match caller.role() {
            Role::Member => return None,
            Role::Recruiter => Reach::Own(user),
            Role::Admin => Reach::All,
        };
        Some(Self { user, reach })
    }

    /// Who.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Whose interviews they see and change.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }
}
