//! What is told of a session: to the log, to the rest of the speaker, and by metrics.

use ferrolb_peering::bgp::{Report, State};
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::PeerTask;
use crate::peers::unnumbered::Unnumbered;
use crate::peers::{Happened, News, PeerReport};

impl PeerTask {
    pub(super) fn report(&mut self, report: Report) {
        let peer = &self.name;
        match report {
            Report::Established(agreed) => {
                let who = match &agreed.peer_name {
                    Some(name) => format!("{name}, router ID {}", agreed.peer_id),
                    None => format!("router ID {}", agreed.peer_id),
                };
                tracing::info!(%peer, who, hold_seconds = agreed.hold.seconds(), "BGP session up");
                self.decided = Some(Instant::now());
                self.tell(Happened::Up(who));
            }
            Report::Ended(ending) => {
                let why = ending.why.to_string();
                if ending.state == State::Established {
                    self.decided = None;
                    self.shown.ended(&ending.why);
                    tracing::warn!(%peer, why, "BGP session down");
                    self.tell(Happened::Down(why));
                } else {
                    tracing::debug!(%peer, why, state = %ending.state, "no BGP session");
                }
            }
            Report::NoNextHop(family) => {
                tracing::warn!(%peer, %family, "no own address that this peer could forward to");
            }
            other => tracing::debug!(%peer, ?other, "BGP session"),
        }
    }

    fn tell(&self, what: Happened) {
        // Dropped while nobody listens fast enough: metrics and the report say it too.
        let _full = self.news.try_send(News {
            peer: self.name.clone(),
            what,
        });
    }

    pub(super) fn show(&mut self) {
        let status = self.session.status();
        self.shown.show(status, self.wanted.routes.len());
        if let Some(decided) = self.decided.take_if(|_| self.session.has_told_all()) {
            self.shown.told(decided.elapsed());
        }
        if self.ending {
            return;
        }
        let established = status.state == State::Established;
        let mut report = PeerReport {
            established,
            state: status.state,
            since: Timestamp::default(),
            last: status.last.as_ref().map(ToString::to_string),
            agreed: status.negotiated.clone().filter(|_| established),
            sent: status.sent,
            received: status.counters.prefixes_received,
            router: self.unnumbered.as_ref().and_then(Unnumbered::found),
            problem: self.unnumbered.as_ref().and_then(Unnumbered::problem),
        };
        self.reports.send_if_modified(|reports| {
            let known = reports.get(&self.name);
            let since = known.filter(|known| known.established == established);
            report.since = since.map_or_else(Timestamp::now, |known| known.since);
            let differs = known != Some(&report);
            if differs {
                reports.insert(self.name.clone(), report);
            }
            differs
        });
    }
}
