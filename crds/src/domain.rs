//! What the daemons think in. Values here are valid: the only way in is a parser that names the object,
//! the field and the value that is wrong.

mod advert;
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
mod selector;
mod service;

pub use advert::{Advert, Preference};
pub use configuration::{Component, ConfigurationReport};
pub use endpoints::{Endpoint, Endpoints, Slice};
pub use family::{Addresses, ByFamily, Families, Family};
pub use free::AddressSet;
pub use invalid::Invalid;
pub use links::{NodeLink, NodeLinks, is_link_local};
pub use mac::Mac;
pub use name::{AdvertName, InterfaceName, NodeName, PoolName, ServiceKey, Shared};
pub use node::{Node, SoftReason};
pub use pool::{Namespaces, Pool, Scope};
pub use pools::Pools;
pub(crate) use range::rule;
pub use range::{AddressRange, InvalidRange};
pub use reason::{
    Disputed, NOT_ANNOUNCED, Occupant, PoolRefusal, ProxyFault, Reason, Taken, Tried, Unanswered, Unshared,
    Withheld, listed,
};
pub use selector::{Labels, Selector};
pub use service::{Asked, Backends, Origins, Port, ServiceClass, ServiceView, Sharing, TrafficPolicy};
