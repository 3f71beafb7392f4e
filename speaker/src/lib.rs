//! Elects the announcing node of each address and answers ARP and NDP for it.

mod act;
mod args;
pub mod election;
mod exclude;
mod interfaces;
mod liveness;
mod metrics;
mod plan;
mod report;
mod resend;
mod run;
mod snapshot;
mod tell;
mod watch;

pub use args::Args;
pub use run::run;
pub mod announce;
pub mod burst;
pub mod held;
pub mod respond;
pub mod wire;
