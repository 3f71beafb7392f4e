//! Layer 2: what the speakers of each segment of this node are told, and what they say.

mod membership;
mod view;

pub(crate) use membership::{Membership, join};
pub(crate) use view::{Here, Moves};
