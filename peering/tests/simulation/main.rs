//! Nodes and routers: sessions as they ship, over connections that are simulated, against routers that are a model.
#![allow(clippy::unwrap_used, reason = "a test")]

mod faults;
mod laws;
mod router;
mod routine;
mod telling;
mod weather;
mod world;
