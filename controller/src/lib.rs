//! The controller: assigns external addresses from pools to Services.
//!
//! One direction: [`watch`] fills stores, [`snapshot`] reads them as one world, [`alloc`] decides (a pure
//! function), [`plan`] compares what is with what was decided, [`act`] writes the difference. What was
//! written is seen again only through the next watch; until then [`pending`] remembers it, and [`memory`]
//! keeps the little that no object holds.

mod account;
mod act;
pub mod alloc;
mod args;
mod ascending;
mod lead;
mod memory;
mod metrics;
mod observed;
mod pace;
mod page;
mod pending;
mod plan;
mod run;
mod secret;
mod snapshot;
mod takeover;
mod term;
mod trailing;
mod watch;

pub use args::Args;
pub use run::run;
