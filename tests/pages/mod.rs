//! The pages, as browsers and mail scanners meet them.

mod served;
