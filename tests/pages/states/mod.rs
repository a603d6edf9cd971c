//! Every other state of the pages.

mod forms;
mod join;
mod pre_check;
