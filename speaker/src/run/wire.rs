//! The announcer as the loop sees it.

use std::collections::BTreeMap;

use anyhow::Context;
use ferrolb_rawlink::links::LinkTable;
use prometheus::Registry;
use tokio::sync::{mpsc, watch};

use crate::announce::{Announcer, LayerTwoMetrics, News, Protocol};
use crate::burst;
use crate::held::HeldTable;
use crate::plan::{Announced, Announcement};

/// News of the wire that may wait; it is dropped and counted when the loop is behind.
const NEWS: usize = 64;

/// What the announcer reads and what it counts.
pub(super) struct Wire {
    pub(super) links: watch::Receiver<LinkTable>,
    held: watch::Sender<HeldTable>,
    metrics: LayerTwoMetrics,
}

impl Wire {
    /// Starts the announcer, with nothing to announce. It ends when this is dropped.
    pub(super) fn start(
        links: watch::Receiver<LinkTable>,
        registry: &Registry,
        protocol: Option<Protocol>,
    ) -> anyhow::Result<(Self, mpsc::Receiver<News>)> {
        let (held, readers) = watch::channel(HeldTable::default());
        let (news, heard) = mpsc::channel(NEWS);
        let metrics = LayerTwoMetrics::register(registry)?;
        let announcer = Announcer {
            links: links.clone(),
            held: readers,
            pace: burst::Pace::default(),
            metrics: metrics.clone(),
            news,
            protocol,
        };
        announcer.start().context("cannot start the thread of the wire")?;
        let wire = Self { links, held, metrics };
        Ok((wire, heard))
    }

    /// Holds exactly this from now on; the series of what is given up go.
    pub(super) fn hold(&self, before: &Announced, after: &Announced) {
        let interfaces = |(address, one): (&_, &Announcement)| (*address, one.interfaces.clone());
        let table = HeldTable::from(after.0.iter().map(interfaces).collect::<BTreeMap<_, _>>());
        self.held.send_if_modified(|held| {
            let differs = *held != table;
            *held = table;
            differs
        });
        let gone = before.0.keys().filter(|address| !after.0.contains_key(address));
        gone.for_each(|address| self.metrics.forget(*address));
    }
}
