//! What the daemons think in. Values here are valid: the only way in is a parser that names the object,
//! the field and the value that is wrong.

mod advert;
mod bfd_profile;
mod bgp_advert;
mod bgp_peer;
mod community;
mod configuration;
mod endpoints;
mod family;
mod free;
mod invalid;
mod links;
mod mac;
mod name;
mod node;
mod pool;
mod pools;
mod range;
mod reason;
mod selection;
mod selector;
mod service;
mod sessions;

pub use advert::{Advert, Preference};
pub use bfd_profile::BfdProfile;
pub use bgp_advert::BgpAdvert;
pub use bgp_peer::{Asn, BgpPeer, Password, PeerPlace, RemoteAs, Secrecy, Timers, is_router_id};
pub use community::{Aliases, Community, aliases, all_aliases};
pub use configuration::{Component, ConfigurationReport};
pub use endpoints::{Endpoint, Endpoints, Slice};
pub use family::{Addresses, ByFamily, Families, Family};
pub use free::AddressSet;
pub use invalid::Invalid;
pub use links::{NodeLink, NodeLinks, is_link_local};
pub use mac::Mac;
pub use name::{
    AdvertName, BfdProfileName, BgpAdvertName, InterfaceName, NodeName, PeerName, PoolName, ServiceKey,
    Shared,
};
pub use node::{Node, SoftReason};
pub use pool::{Namespaces, Pool, Scope};
pub use pools::Pools;
pub(crate) use range::rule;
pub use range::{AddressRange, InvalidRange};
pub use reason::{
    Disputed, NOT_ANNOUNCED, Occupant, PoolRefusal, ProxyFault, Reason, Taken, Tried, Unanswered, Unshared,
    Withheld, listed,
};
pub use selection::Selection;
pub use selector::{Labels, Selector};
pub use service::{Asked, Backends, Origins, Port, ServiceClass, ServiceView, Sharing, TrafficPolicy};
pub use sessions::{Sessions, sessions_of_state};
