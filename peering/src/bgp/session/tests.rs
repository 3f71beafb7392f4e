mod end;
mod hostile;
mod liveness;
mod open;
mod oracle;
mod retries;
mod table;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::bgp::wire::{Capabilities, GracefulRestart, Open, split};
use crate::bgp::{Asn, Attributes, ExportTable};
use crate::prefix::{Family, Prefix};

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn spec() -> PeerSpec {
    let endpoint = Endpoint::new(IpAddr::from([192, 0, 2, 1]));
    let spec = PeerSpec::new(
        Asn(64512),
        PeerAsn::Is(Asn(64500)),
        [192, 0, 2, 11].into(),
        endpoint,
    );
    PeerSpec {
        families: BTreeSet::from([Family::V4, Family::V6]),
        ..spec
    }
}

/// The router's OPEN.
pub(super) fn router_open() -> Open {
    Open {
        asn: Asn(64500),
        hold: 9,
        identifier: [192, 0, 2, 1].into(),
        capabilities: Capabilities {
            families: BTreeSet::from([Family::V4, Family::V6]),
            route_refresh: true,
            four_octets: Some(Asn(64500)),
            graceful_restart: Some(GracefulRestart::default()),
            ..Capabilities::default()
        },
    }
}

pub(super) fn next_hops() -> NextHops {
    NextHops {
        v4: Some([192, 0, 2, 11].into()),
        v6: Some(V6NextHop {
            address: "2001:db8::11".parse().unwrap(),
            link_local: None,
        }),
    }
}

pub(super) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(super) fn table(prefixes: &[&str]) -> ExportTable {
    let attributes = Arc::new(Attributes::default());
    let routes = prefixes
        .iter()
        .map(|text| (prefix(text), Arc::clone(&attributes)));
    Arc::new(routes.collect::<BTreeMap<_, _>>())
}

/// A session, its clock, and what it said.
pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) now: Moment,
    /// What the peer was sent since it was asked.
    pub(super) wire: Vec<u8>,
    pub(super) outputs: Vec<Output>,
    /// The peer does not read.
    pub(super) is_stuck: bool,
}

impl Stage {
    pub(super) fn new(spec: PeerSpec) -> Self {
        Self::started(spec, Start::Cold)
    }

    pub(super) fn started(spec: PeerSpec, start: Start) -> Self {
        let now = Moment::ORIGIN + s(1000);
        Self {
            session: Session::new(spec, start, 1, now),
            now,
            wire: Vec::new(),
            outputs: Vec::new(),
            is_stuck: false,
        }
    }

    /// Hands it in, and writes what is to be written.
    pub(super) fn give(&mut self, input: Input<'_>) -> &mut Self {
        let outputs = self.session.handle(input, self.now);
        let is_closed = outputs.iter().any(|output| matches!(output, Output::Close(_)));
        for output in &outputs {
            if let Output::Close(close) = output {
                self.wire.extend_from_slice(&close.last);
            }
        }
        self.outputs.extend(outputs);
        let written = self.session.outgoing().len();
        if written > 0 && !self.is_stuck && !is_closed {
            self.wire.extend_from_slice(self.session.outgoing());
            self.give(Input::Sent(written));
        }
        self
    }

    /// Lets time pass, with ticks when they are due.
    pub(super) fn pass(&mut self, time: Duration) -> &mut Self {
        let end = self.now + time;
        while let Some(next) = self.session.next(self.now).filter(|next| *next <= end) {
            assert!(next >= self.now);
            self.now = next;
            self.give(Input::Tick);
        }
        self.now = end;
        self
    }

    pub(super) fn say(&mut self, emit: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let mut bytes = Vec::new();
        emit(&mut bytes);
        self.give(Input::Bytes(&bytes))
    }

    pub(super) fn connect(&mut self) -> &mut Self {
        self.give(Input::Start).give(Input::TcpUp(next_hops()))
    }

    /// Connects as well as a peer can that sends this OPEN.
    pub(super) fn meet(&mut self, open: &Open) -> &mut Self {
        self.give(Input::TcpUp(next_hops()));
        self.say(|out| open.emit(out)).say(wire::keepalive)
    }

    pub(super) fn establish(&mut self) -> &mut Self {
        self.give(Input::Start).meet(&router_open());
        assert_eq!(self.state(), State::Established);
        self
    }

    pub(super) fn state(&self) -> State {
        self.session.status().state
    }

    /// The messages sent since the last call.
    pub(super) fn sent(&mut self) -> Vec<(Kind, Vec<u8>)> {
        let bytes = std::mem::take(&mut self.wire);
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        while let Ok(Some(frame)) = split(rest, wire::MESSAGE_MAX_EXTENDED) {
            rest = &rest[frame.length..];
            all.push((frame.kind, frame.body.to_vec()));
        }
        assert!(rest.is_empty(), "cut: {rest:?}");
        all
    }

    pub(super) fn kinds(&mut self) -> Vec<Kind> {
        self.sent().into_iter().map(|(kind, _)| kind).collect()
    }

    pub(super) fn took(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    pub(super) fn has_dialled(&mut self) -> bool {
        self.took().contains(&Output::Dial)
    }

    /// The NOTIFICATION that was sent last.
    pub(super) fn told(&mut self) -> Option<Notification> {
        let (kind, body) = self.sent().pop()?;
        (kind == Kind::Notification).then(|| Notification::parse(&body))
    }

    pub(super) fn why(&self) -> Down {
        self.session.status().last.clone().unwrap().why
    }
}
