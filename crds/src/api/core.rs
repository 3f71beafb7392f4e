//! Kubernetes' own resources as the API server stores them, with the fields that are used and no others.
//!
//! The API server stores more than it documents: it checks no condition of a Service, so one may lack its time or its
//! type, or stand there twice. What somebody else wrote is therefore never a reason not to read an object: an entry
//! that does not fit is left out. Null is the same as absent everywhere.

mod endpoint_slice;
mod namespace;
mod node;
mod service;

pub use endpoint_slice::{Endpoint, EndpointConditions, EndpointSlice, TargetReference};
pub use namespace::Namespace;
pub use node::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, Taint};
pub use service::{
    LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus,
};

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The entries of a list that fit their type.
fn fitting<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let entries = match Value::deserialize(deserializer)? {
        Value::Array(entries) => entries,
        _ => return Ok(None),
    };
    let fitting = entries.into_iter().filter_map(|entry| T::deserialize(entry).ok());
    Ok(Some(fitting.collect()))
}

/// The addresses in this field of the entries of a list, in an object that need not fit any type.
fn addresses<'a>(raw: &'a Value, list: &str, field: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
    let entries = raw.pointer(list).and_then(Value::as_array);
    let text = move |entry: &'a Value| entry.get(field)?.as_str()?.parse().ok();
    entries.into_iter().flatten().filter_map(text)
}

/// A list that may be null.
fn listed<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
