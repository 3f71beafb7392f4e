//! The controller: assigns external addresses from pools to Services.
//!
//! One direction: [`watch`](mod@watch) fills stores, [`snapshot`] reads them as one world, [`alloc`]
//! decides (a pure function), [`plan`] compares what is with what was decided, [`act`] writes the
//! difference. What was written is seen again only through the next watch.

pub mod alloc;
