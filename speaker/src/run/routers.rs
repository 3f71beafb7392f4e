//! The threads that talk to routers.

use anyhow::Context;
use ferrolb_rawlink::links::LinkTable;
use ferrolb_runtime::process::Process;
use tokio::sync::{mpsc, oneshot, watch};

use super::{NEWS, Routing};
use crate::bfd::{self, Bfd, BfdMetrics};
use crate::peers::{self, News, Orders, PeerMetrics, Sessions};
use crate::see::passwords::PasswordReader;

/// What the loop has of them.
pub(super) struct Routers {
    pub(super) routing: Routing,
    /// What happened to sessions.
    pub(super) news: mpsc::Receiver<News>,
    /// Closed when the thread of BFD ends.
    pub(super) no_bfd: oneshot::Receiver<()>,
    /// Closed when the thread of BGP ends.
    pub(super) no_bgp: oneshot::Receiver<()>,
}

/// Starts the threads of BGP and BFD, which hold no session before they are told of one.
///
/// # Errors
/// The system has no threads to give.
pub(super) fn start(process: &Process, links: &watch::Receiver<LinkTable>) -> anyhow::Result<Routers> {
    let (to_news, news) = mpsc::channel(NEWS);
    let (bfd_orders, of_bfd_orders) = watch::channel(bfd::Orders::default());
    let (to_bfd_reports, bfd_reports) = watch::channel(bfd::Reports::default());
    let bfd = Bfd {
        orders: of_bfd_orders,
        links: links.clone(),
        reports: to_bfd_reports,
        news: to_news.clone(),
        metrics: BfdMetrics::register(&process.registry)?,
    };
    let (orders, of_orders) = watch::channel(Orders::default());
    let (to_reports, reports) = watch::channel(peers::Reports::default());
    let sessions = Sessions {
        orders: of_orders,
        links: links.clone(),
        bfd: bfd_reports.clone(),
        reports: to_reports,
        news: to_news,
        metrics: PeerMetrics::register(&process.registry)?,
    };
    let passwords = PasswordReader::start(
        process.client.clone(),
        &process.namespace,
        process.reports.dirty.clone(),
    );
    Ok(Routers {
        no_bfd: bfd.start().context("cannot start the thread of BFD")?,
        no_bgp: sessions.start().context("cannot start the thread of BGP")?,
        routing: Routing::new((orders, reports), (bfd_orders, bfd_reports), passwords),
        news,
    })
}
