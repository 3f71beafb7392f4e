//! Reading of a cluster what may be read: what may not is left out and named.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use ferrolb_runtime::reflect::Snapshot;
use futures::try_join;
use kube::Resource;
use kube::api::ListParams;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::{AccessError, Cluster, readable};
use crate::objects::BgpObjects;
use crate::problem::Problem;

/// Reads, and keeps what is wrong.
pub(crate) struct Seeing<'a> {
    pub(crate) cluster: &'a Cluster,
    /// Objects that do not fit their type.
    pub(crate) problems: RefCell<Vec<Problem>>,
    /// The resources that may not be read, each with the error.
    pub(crate) unseen: RefCell<BTreeMap<String, String>>,
}

impl<'a> Seeing<'a> {
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            problems: RefCell::default(),
            unseen: RefCell::default(),
        }
    }

    /// The objects that can be read; none if they may not be listed.
    pub(crate) async fn objects<K>(
        &self,
        namespace: Option<&str>,
        which: &ListParams,
    ) -> Result<Vec<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        let entries = self.entries(namespace, which).await?.unwrap_or_default();
        Ok(self.readable(entries))
    }

    /// The same of a kind in our namespace that the cluster may not know.
    pub(crate) async fn if_known<K>(&self) -> Result<Vec<K>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        let read = self.cluster.entries_if_known().await;
        Ok(self.readable(self.seen(read)?.unwrap_or_default()))
    }

    /// What BGP is configured by.
    pub(crate) async fn bgp(&self) -> Result<BgpObjects, AccessError> {
        let (peers, profiles, adverts, communities) =
            try_join!(self.if_known(), self.if_known(), self.if_known(), self.if_known(),)?;
        Ok(BgpObjects {
            peers,
            profiles,
            adverts,
            communities,
        })
    }

    pub(crate) async fn entries<K>(
        &self,
        namespace: Option<&str>,
        which: &ListParams,
    ) -> Result<Option<Snapshot<K>>, AccessError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Debug + Clone,
    {
        self.seen(self.cluster.entries(namespace, which).await)
    }

    /// As [`Cluster::untyped`].
    pub(crate) async fn untyped(
        &self,
        path: &str,
        resource: &str,
        which: &ListParams,
    ) -> Result<Option<Vec<Value>>, AccessError> {
        self.seen(self.cluster.untyped(path, resource, which).await)
    }

    /// The objects that can be read; the others become problems.
    pub(crate) fn readable<K>(&self, entries: Snapshot<K>) -> Vec<K>
    where
        K: Resource<DynamicType = ()> + Clone,
    {
        readable(entries, &mut self.problems.borrow_mut())
    }

    fn seen<T>(&self, read: Result<T, AccessError>) -> Result<Option<T>, AccessError> {
        match read {
            Ok(found) => Ok(Some(found)),
            Err(error) => match error.forbidden() {
                Some(resource) => {
                    let message = error.to_string();
                    self.unseen.borrow_mut().insert(resource.to_owned(), message);
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }
}
