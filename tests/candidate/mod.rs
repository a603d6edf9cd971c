//! A candidate gets in: the flow, its refusals, its limits.

mod flow;
