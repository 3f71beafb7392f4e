//! One peer: its session, and the connection that it runs over.

mod telling;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::PeerName;
use ferrolb_peering::bgp::{Input, Output, PeerAsn, PeerSpec, Session, State};
use ferrolb_peering::{Liveness, Moment};
use ferrolb_rawlink::links::LinkTable;
use ferrolb_runtime::idle::at;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::connection::{Connection, Happened as Seen, Read, next_hops};
use super::metrics::Shown;
use super::unnumbered::Unnumbered;
use super::{News, Order, Reports, Sessions, WantedPeer};
use crate::bfd::{self, Line};

/// What is read at once.
const BUFFER: usize = 16 * 1024;
/// BFD comes first, unless it takes longer: a router whose BFD misses an earlier process only when BGP is up again takes it for a
/// failure, and drops the routes that it kept.
const HEAD_START: Duration = Duration::from_millis(750);
/// Reads in a row; others have their turn then.
const READS: usize = 64;

/// One peer.
pub(super) struct PeerTask {
    name: PeerName,
    session: Session,
    connection: Connection,
    /// The search for a peer whose address is not known.
    unnumbered: Option<Unnumbered>,
    wanted: Arc<WantedPeer>,
    orders: watch::Receiver<Order>,
    /// It was told to end.
    ending: bool,
    origin: Instant,
    links: watch::Receiver<LinkTable>,
    bfd: watch::Receiver<bfd::Reports>,
    /// What BFD said last.
    liveness: Liveness,
    reports: watch::Sender<Reports>,
    news: mpsc::Sender<News>,
    shown: Shown,
    /// Since when there are routes that the peer is to be told, or to forget.
    decided: Option<Instant>,
}

impl PeerTask {
    pub(super) fn new(
        sessions: &Sessions,
        name: PeerName,
        wanted: &Arc<WantedPeer>,
        orders: watch::Receiver<Order>,
        origin: Instant,
    ) -> Self {
        Self {
            session: super::spec::session(&name, wanted),
            connection: Connection::None,
            unnumbered: Unnumbered::of(&wanted.spec.endpoint, &sessions.links.borrow()),
            wanted: wanted.clone(),
            orders,
            ending: false,
            origin,
            links: sessions.links.clone(),
            bfd: sessions.bfd.clone(),
            liveness: Liveness::Unknown,
            reports: sessions.reports.clone(),
            news: sessions.news.clone(),
            shown: sessions.metrics.of(&wanted.spec.endpoint),
            decided: None,
            name,
        }
    }

    /// Runs until it was told to end, and has.
    pub(super) async fn run(mut self) {
        self.give(Input::Wanted(self.wanted.routes.clone()));
        self.heed_bfd();
        let mut start = Some(
            Instant::now()
                + if self.wanted.watched {
                    HEAD_START
                } else {
                    Duration::ZERO
                },
        );
        loop {
            self.show();
            if self.ending && self.session.is_over() && matches!(self.connection, Connection::None) {
                return;
            }
            let wake = self
                .session
                .next(self.now())
                .map(|moment| self.origin + moment.since_origin());
            if let Some(unnumbered) = &mut self.unnumbered {
                unnumbered.know(self.session.status().state == State::Established);
            }
            let writes = !self.session.outgoing().is_empty();
            tokio::select! {
                biased;
                changed = self.orders.changed() => match changed {
                    Ok(()) => self.obey(),
                    Err(_) => return,
                },
                Ok(()) = self.bfd.changed() => {
                    self.heed_bfd();
                    start = start.map(|at| if self.liveness == Liveness::Up { Instant::now() } else { at });
                }
                () = at(start) => {
                    start = None;
                    self.give(Input::Start);
                }
                () = at(wake) => {
                    // What waits in the socket may be what a timer waits for.
                    self.read();
                    self.give(Input::Tick);
                }
                () = found(&mut self.unnumbered) => self.try_again(),
                Ok(()) = self.links.changed(), if self.unnumbered.is_some() => {
                    let links = self.links.borrow_and_update();
                    self.unnumbered.iter_mut().for_each(|unnumbered| unnumbered.follow(&links));
                }
                // Last: a peer that sends without end is always ready, and shall keep back neither orders nor timers,
                seen = self.connection.next(writes) => match seen {
                    Seen::Dialled(Ok(stream)) => {
                        let next_hops = next_hops(&stream, &self.links.borrow());
                        self.connection = Connection::Up(stream);
                        self.give(Input::TcpUp(next_hops));
                    }
                    Seen::Dialled(Err(error)) => {
                        self.connection = Connection::None;
                        self.give(Input::TcpFailed(&error.to_string()));
                    }
                    Seen::Closed => self.connection = Connection::None,
                    Seen::Ready => {
                        self.read();
                        self.write();
                        // nor the other sessions, which share this thread.
                        tokio::task::yield_now().await;
                    }
                },
            }
        }
    }

    fn obey(&mut self) {
        let order = self.orders.borrow_and_update().clone();
        match order {
            Order::Hold(wanted) => {
                let before = std::mem::replace(&mut self.wanted, wanted.clone());
                if before.spec.endpoint != wanted.spec.endpoint {
                    self.unnumbered = Unnumbered::of(&wanted.spec.endpoint, &self.links.borrow());
                }
                if before.spec != wanted.spec {
                    self.give(Input::Spec(Box::new(wanted.spec.clone())));
                }
                if self.session.status().state == State::Established
                    && !Arc::ptr_eq(&before.routes, &wanted.routes)
                {
                    self.decided.get_or_insert_with(Instant::now);
                }
                self.give(Input::Wanted(wanted.routes.clone()));
            }
            Order::End(stop) => {
                self.ending = true;
                self.give(Input::Stop(stop));
            }
        }
    }

    /// A peer that nobody watches is as one of which nothing is known.
    fn heed_bfd(&mut self) {
        let found = self.unnumbered.as_ref().and_then(Unnumbered::found);
        let line = Line::of(self.session.endpoint(), found);
        let liveness = {
            let reports = self.bfd.borrow_and_update();
            let report = line.and_then(|line| reports.get(&line));
            report.map_or(Liveness::Unknown, |report| report.liveness)
        };
        if liveness != self.liveness {
            self.liveness = liveness;
            self.give(Input::Bfd(liveness));
        }
    }

    /// Lets the session know, and does what it asks for.
    fn give(&mut self, input: Input<'_>) {
        let asked = self.handle(input);
        self.carry_out(asked.into());
    }

    fn carry_out(&mut self, mut asked: VecDeque<Output>) {
        while let Some(output) = asked.pop_front() {
            match output {
                Output::Dial => match self.router() {
                    Ok(router) => {
                        let internal = is_internal(&self.wanted.spec);
                        self.connection = Connection::dial(router, self.session.endpoint(), internal);
                    }
                    Err(why) => asked.extend(self.handle(Input::TcpFailed(&why))),
                },
                Output::Send => asked.extend(self.send()),
                Output::Close(close) => {
                    self.connection.close(&close.last);
                }
                Output::Report(report) => self.report(report),
            }
        }
    }

    /// Where the peer listens; or why that is not known.
    fn router(&self) -> Result<SocketAddr, String> {
        let endpoint = self.session.endpoint();
        match (&self.unnumbered, endpoint.address) {
            (Some(unnumbered), _) => unnumbered.router(),
            (None, Some(address)) => Ok(SocketAddr::new(address, endpoint.port)),
            (None, None) => Err("the peer has no address".to_owned()),
        }
    }

    /// Something else than before is known of the router.
    fn try_again(&mut self) {
        self.heed_bfd();
        if self.session.status().state < State::OpenSent && self.router().is_ok() {
            self.give(Input::Again);
        }
    }

    fn handle(&mut self, input: Input<'_>) -> Vec<Output> {
        let now = self.now();
        self.session.handle(input, now)
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }

    fn read(&mut self) {
        let mut buffer = [0; BUFFER];
        for _ in 0..READS {
            match self.connection.read(&mut buffer) {
                Read::Bytes(count) => self.give(Input::Bytes(&buffer[..count])),
                Read::Nothing => return,
                Read::Broken(why) => {
                    self.connection = Connection::None;
                    return self.give(Input::TcpFailed(&why));
                }
            }
        }
    }

    fn write(&mut self) {
        let asked = self.send();
        self.carry_out(asked.into());
    }

    /// Writes what the socket takes.
    fn send(&mut self) -> Vec<Output> {
        let mut asked = Vec::new();
        loop {
            let count = self.connection.write(self.session.outgoing());
            if count == 0 {
                return asked;
            }
            asked.extend(self.handle(Input::Sent(count)));
        }
    }
}

/// Whether the peer is of our AS, as far as is known before it says so.
fn is_internal(spec: &PeerSpec) -> bool {
    match spec.peer_asn {
        PeerAsn::Is(asn) => asn == spec.own_asn(),
        PeerAsn::Internal => true,
        PeerAsn::External => false,
    }
}

/// Returns when something else is known of the router; never, if its address is.
async fn found(unnumbered: &mut Option<Unnumbered>) {
    match unnumbered {
        Some(unnumbered) => unnumbered.changed().await,
        None => std::future::pending().await,
    }
}
