//! What the speaker sees: the cluster by its watches, this node by its links.

pub(crate) mod bgp;
pub(crate) mod dataplane;
pub(crate) mod exclude;
pub(crate) mod interfaces;
mod kernel;
mod kube_proxy;
pub(crate) mod passwords;
mod services;
pub(crate) mod snapshot;
pub(crate) mod succession;
pub(crate) mod watch;

#[cfg(test)]
pub(crate) mod fixture;
