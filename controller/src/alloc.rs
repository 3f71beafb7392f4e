//! The rules of allocation, as a function of the whole world.
//!
//! 1. **Keep.** A Service keeps the addresses in its status. They are claimed before anything is given
//!    out, so no Service that waits can take them. Where two Services hold one address and may not share it,
//!    the older claim stays. A pool edit takes nothing away: an address that left its pool, or whose pool
//!    no longer admits the Service, is kept and flagged. An address that was never ours (no
//!    `ip-allocated-from-pool` annotation) must satisfy the rules or is replaced.
//! 2. **Asked for.** Services that ask for addresses get exactly those, or none.
//! 3. **New.** The rest, oldest first. Pools made for the Service by `serviceAllocation` come first, by
//!    priority and name, then plain pools by name. In a pool: the address the Service had before, else the
//!    lowest that is free or can be shared, else one that another Service gave back a moment ago. Two
//!    families come from one pool if one has both, else from two.
//!
//! Same world, same decision: the order of the input never matters.

mod choose;
mod decide;
mod keep;
mod ledger;
mod outcome;
mod usage;
mod world;

pub use decide::{Decision, decide};
pub use outcome::{Assignment, Note, Outcome};
pub use usage::Usage;
pub use world::World;
