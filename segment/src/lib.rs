//! The speakers' protocol: which nodes are alive on a segment, and which one holds each address (`docs/protocol.md`).
//!
//! Nothing here does I/O, reads a clock or draws a random number: frames, ticks and the view come in as arguments,
//! effects go out as values.

mod clock;
pub mod codec;
mod copy;
pub mod digest;
pub mod gate;
mod heard;
mod holders;
mod key;
mod losses;
pub mod mac;
pub mod message;
pub mod order;
mod own;
mod peer;
mod profile;
mod protocol;
mod random;
pub mod replay;
pub mod seal;
mod view;
pub mod ways;

pub use ferrolb_moment::Moment;
pub use peer::Sighting;
pub use profile::Profile;
pub use protocol::{Before, Conduct, Effect, Event, PartitionPolicy, Segment};
pub use view::{Fitness, GroupView, Nearness, SegmentView};
