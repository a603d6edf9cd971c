//! The server: what every answer keeps to, bodies, connections, clients, the other listener, the log, the document.

mod admin;
mod bodies;
mod clients;
mod connections;
mod conventions;
mod drain;
mod heads;
mod log;
mod openapi;
