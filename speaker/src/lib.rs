//! Agrees with the other speakers which node announces each address, and answers ARP and NDP there.
//!
//! One direction: [`see`] reads the cluster and the links of this node, [`may`] says which nodes may announce what (a
//! pure function that `ferrolb plan` calls too), [`layer2`] tells each port, where the protocol of [`ferrolb_segment`] decides
//! which node holds it and the port answers; [`verdict`] is the one table of what is done, and all that is told of it (conditions, events,
//! `ServiceL2Status`, metrics, logs) is read from there.

mod args;
pub mod bfd;
pub mod facts;
mod flows;
pub mod forecast;
pub mod history;
pub mod layer2;
pub mod may;
mod metrics;
pub mod peers;
pub mod routes;
mod run;
mod see;
mod tell;
mod thread;
mod verdict;

pub use args::Args;
pub use run::run;
