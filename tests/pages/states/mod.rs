//! Every other state of the pages.

mod account;
mod forms;
mod join;
mod pre_check;
