//! The announcer as the loop sees it.

use anyhow::Context;
use ferrolb_rawlink::links::LinkTable;
use prometheus::Registry;
use tokio::sync::{mpsc, oneshot, watch};

use crate::layer2::announce::{Announcer, LayerTwoMetrics, News, Protocol};
use crate::layer2::burst;

/// News of the wire that may wait; it is dropped and counted when the loop is behind.
const NEWS: usize = 64;

/// What the announcer reads.
pub(super) struct Wire {
    pub(super) links: watch::Receiver<LinkTable>,
    /// Gone together with the announcer's thread.
    pub(super) ended: oneshot::Receiver<()>,
}

impl Wire {
    /// Starts the announcer, with nothing to announce. It ends when the protocol's other end is dropped.
    pub(super) fn start(
        links: watch::Receiver<LinkTable>,
        registry: &Registry,
        protocol: Protocol,
    ) -> anyhow::Result<(Self, mpsc::Receiver<News>)> {
        let (news, heard) = mpsc::channel(NEWS);
        let announcer = Announcer {
            links: links.clone(),
            pace: burst::Pace::default(),
            metrics: LayerTwoMetrics::register(registry)?,
            news,
            protocol,
        };
        let ended = announcer.start().context("cannot start the thread of the wire")?;
        Ok((Self { links, ended }, heard))
    }
}
