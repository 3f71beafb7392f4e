//! How frames are carried: as Ethernet frames to all, or as datagrams to each node that answers on the segment.

mod choice;
mod stations;

pub use choice::{Choice, Transport};
pub use stations::{Path, Stations, Stranger, paths};
