//! The pages, in Chromium, as people use them; and as they come over the wire.

mod account;
mod candidate;
mod member;
mod pre_check;
mod served;
mod states;
