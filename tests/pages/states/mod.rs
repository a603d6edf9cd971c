//! Every other state of the pages, and whether the harness sees what it should.

mod account;
mod docs;
mod forms;
mod harness;
mod join;
mod pre_check;
