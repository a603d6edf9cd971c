//! Every other state of the pages.

mod forms;
mod pre_check;
