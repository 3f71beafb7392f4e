//! Elects the announcing node of each address and answers ARP and NDP for it.
//!
//! One direction: `watch` fills stores, `snapshot` reads them as one view, [`election`] decides (a pure function that
//! `ferrolb plan` calls too), `plan` says what this node announces, and that is published to the [`announce`]r before
//! anything is written. Then `tell`, `report` and `condition` say so: events, metrics, `ServiceL2Status`, `Announced`.
//!
//! The announcer answers frames ([`respond`], [`wire`]) for what it holds and tells neighbours unasked ([`burst`]).

mod act;
pub mod announce;
mod args;
pub mod burst;
mod condition;
pub mod election;
mod exclude;
mod interfaces;
mod keys;
mod liveness;
mod membership;
mod metrics;
mod places;
mod plan;
mod report;
mod resend;
pub mod respond;
mod run;
mod snapshot;
mod tell;
mod watch;
pub mod wire;

pub use args::Args;
pub use run::run;
