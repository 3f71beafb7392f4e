//! What BGP does for an address: who tells it over a session that is up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_crds::domain::Reason;

use crate::may::View;
use crate::routes::{Routes, SessionsByNode, Tellers, telling};

/// What BGP does for an address that an advertisement asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Bgp {
    /// These nodes tell these peers, whose sessions are up.
    Told(Arc<Tellers>),
    /// Nobody tells it.
    Nobody(Box<Reason>),
}

/// What there is to be judged by.
pub(super) struct JudgingBgp<'a> {
    routes: &'a Routes,
    sessions: &'a SessionsByNode,
    view: &'a View,
    /// The tellers of many addresses are the same.
    known: BTreeMap<*const Tellers, Bgp>,
}

impl<'a> JudgingBgp<'a> {
    pub(super) fn new(routes: &'a Routes, sessions: &'a SessionsByNode, view: &'a View) -> Self {
        Self {
            routes,
            sessions,
            view,
            known: BTreeMap::new(),
        }
    }

    /// None if no advertisement of BGP asks for the address.
    pub(super) fn of(&mut self, address: IpAddr) -> Option<Bgp> {
        Some(match self.routes.fates.get(&address)? {
            Err(why) => Bgp::Nobody(Box::new(why.clone())),
            Ok(tellers) => {
                let (sessions, view) = (self.sessions, self.view);
                let known = self.known.entry(Arc::as_ptr(tellers));
                known.or_insert_with(|| told(tellers, sessions, view)).clone()
            }
        })
    }
}

fn told(tellers: &Tellers, sessions: &SessionsByNode, view: &View) -> Bgp {
    let told = telling(tellers, sessions, view);
    match told.is_empty() {
        true => Bgp::Nobody(Box::new(Reason::NoSession(
            tellers.values().flatten().cloned().collect(),
        ))),
        false => Bgp::Told(Arc::new(told)),
    }
}
