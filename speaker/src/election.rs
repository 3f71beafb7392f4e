//! Who announces an address: the rules, as a function of one [`View`].
//!
//! 1. **Group.** All addresses of a Service and all Services that share one of them form a group, which goes to
//!    one node. Its order of nodes comes from its first address: the lowest, IPv4 before IPv6. Only if no node
//!    is eligible for all of it is it split address by address.
//! 2. **Demand.** An address is announced for each of its Services whose pool and labels an advertisement selects,
//!    and that has an endpoint which can serve. Several advertisements add up: any that selects a node will do,
//!    their interfaces are united (one without interfaces means any), their weights are summed. A Service with
//!    the sharing annotation and an advertisement with `serviceSelectors` counts for nothing (MetalLB's rule). A Service
//!    without endpoints takes nothing away from those it shares an address with.
//! 3. **Eligible.** An advertisement selects the node; it is not `NetworkUnavailable`, not labelled
//!    `exclude-from-external-load-balancers` (unless that is ignored, or every node carries the label); it is alive;
//!    for each Service of policy Local in the group it has an endpoint that can serve. An endpoint that names no node
//!    is local nowhere, as in kube-proxy; for policy Cluster it is as good as any. Where links are known, it has an
//!    interface with a carrier that the advertisements allow.
//! 4. **Soft reasons** (address not on a subnet of the node, cordoned, out of service) count as long as another node
//!    is eligible: only the nodes with the least bad one contend.
//! 5. **Rank.** Preference; then, where [`Ranking::Full`] is asked for: who holds it now keeps it, else nodes below the
//!    load bound, else by locality; then sha256 of node and address, MetalLB's order.
//!
//! Nothing here depends on which node asks: [`elect`] judges every node alike, and [`Election::verdict`] only says
//! what the result means for one of them.

mod choose;
mod contests;
mod court;
mod decide;
mod demand;
mod eligible;
mod firsts;
mod group;
mod precedents;
mod rank;
mod reason;
mod verdict;
mod view;

pub use decide::{elect, elect_with};
pub use eligible::{Eligible, Field, Suitable};
pub use precedents::Precedents;
pub(crate) use rank::hash_of;
pub use rank::{Hash, Locality, Ranked, Share, hash};
pub use reason::{Ineligible, Why};
pub use verdict::{Election, Elections, Interfaces, Note, Verdict, Winner};
pub use view::{Candidate, LinkFacts, Liveness, Options, Ranking, View};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
