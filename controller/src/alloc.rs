//! The rules of allocation, as a function of the whole world.
//!
//! 1. **Keep.** A Service keeps the addresses that we gave it. They are claimed before anything is given
//!    out, so no Service that waits can take them. Where two Services hold one address and may not share it,
//!    the older claim stays. Neither an edit of a pool nor one of the Service takes anything away: an
//!    address that left its pool, or whose pool no longer admits the Service, is kept and flagged, and so
//!    is one that is not as wished where the wish cannot be met. Only an address of a node or of the API
//!    server is not kept. What another implementation wrote into the status (no `ip-allocated-from-pool`
//!    annotation) counts as in use, is replaced, and stays where there is nothing to replace it with.
//! 2. **Asked for.** Services that ask for addresses get exactly those, or none.
//! 3. **New.** The rest, oldest first. Pools made for the Service by `serviceAllocation` come first, by
//!    priority and name, then plain pools by name. In a pool: the address the Service had before, else the
//!    lowest that is free or can be shared, else one that another Service gave back a moment ago; one that
//!    had UDP ports then only when no pool has another. Two families come from one pool if one has both,
//!    else from two. Addresses that others use, and network,
//!    broadcast and anycast addresses, are passed over.
//!
//! Same world, same decision: the order of the input never matters.

mod alike;
mod choose;
mod decide;
mod doubts;
mod keep;
mod ledger;
mod others;
mod outcome;
mod usage;
mod world;

pub use decide::{Decision, decide};
pub use doubts::doubts;
pub use outcome::{Assignment, Note, Outcome};
pub use usage::Usage;
pub use world::{
    GivenBack, World, addresses_of, addresses_of_odd, api_server_of, held_by_odd, labels_of, subnets_of,
};
