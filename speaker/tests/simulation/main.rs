//! Nodes that decide for themselves what they tell, and routers: the decision, the sessions and BFD as they ship, over
//! connections that are simulated.
#![allow(clippy::unwrap_used, reason = "a test")]

mod cluster;
mod laws;
#[path = "../../../peering/tests/simulation/router.rs"]
#[allow(dead_code, reason = "what only the sessions' own simulation looks at")]
mod router;
#[path = "../../../peering/tests/simulation/weather.rs"]
mod weather;
#[path = "../../../peering/tests/simulation/world.rs"]
#[allow(dead_code, reason = "what only the sessions' own simulation does")]
mod world;
