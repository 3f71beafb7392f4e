//! Elects the announcing node of each address and answers ARP and NDP for it.

mod args;
pub mod election;
mod run;

pub use args::Args;
pub use run::run;
