//! The lab: a real multi-node Kubernetes on one machine, without a container engine.
//!
//! Nodes are sets of namespaces on a bridge that plays the LAN switch; each runs the real kubelet, containerd, runc,
//! CNI bridge and kube-proxy. A [`Lab`] is removed when it is dropped, when its owner is interrupted or killed, and
//! at the latest when the next lab starts. Every program that uses this library calls [`entry`] first.

pub mod cgroup;
pub mod cleanup;
mod cluster;
mod control_plane;
mod demo;
mod entry;
pub mod external;
pub mod fabric;
mod faults;
mod helm;
pub mod images;
mod install;
mod keeper;
mod keeper_request;
mod kubectl;
mod lab;
mod lan;
mod mac;
mod machine;
pub mod manifests;
pub mod measure;
pub mod netns;
mod node;
mod node_config;
mod node_init;
mod owner;
mod pki;
pub mod plan;
pub mod probe;
mod process;
mod program;
pub mod reach;
mod readiness;
pub mod requests;
mod requirements;
pub mod segment;
mod speaker;
pub mod state;
pub mod suite;
mod thread;
pub mod tour;
pub mod wait;

use ferrolb_programs::error;

pub use entry::entry;
pub use faults::Broken;
pub use ferrolb_programs::error::{Error, Result};
pub use ferrolb_programs::{command, source};
pub use helm::without_cluster as helm;
pub use install::Installation;
pub use kubectl::Kubectl;
pub use lab::{Lab, LabConfig};
pub use lan::LanFault;
pub use mac::Mac;
pub use plan::{Machine, Plan};
pub use process::{Process, Usage};
pub use program::{Found, Implementation, Running};
pub use requirements::{browser_modules, monitoring_program};
pub use segment::{Nic, Plugged, Segment};
pub use speaker::{Pause, pause};
pub use thread::{HeldThread, hold_thread};
