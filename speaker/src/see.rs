//! What the speaker sees: the cluster by its watches, this node by its links.

pub(crate) mod exclude;
pub(crate) mod interfaces;
mod services;
pub(crate) mod snapshot;
pub(crate) mod watch;
