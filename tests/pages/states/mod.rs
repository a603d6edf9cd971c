//! Every other state of the pages.

mod pre_check;
