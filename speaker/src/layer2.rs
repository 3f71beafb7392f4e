//! Layer 2: what the speakers of each segment of this node are told, and what they say.

pub mod announce;
pub mod burst;
mod fresh;
pub(crate) mod keys;
pub(crate) mod membership;
pub mod respond;
mod view;
pub mod wire;

pub(crate) use fresh::Fresh;
pub(crate) use membership::{Membership, cluster, join};
pub(crate) use view::{Here, Odd};
