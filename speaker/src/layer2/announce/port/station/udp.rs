//! The protocol in datagrams between the addresses of nodes, made and read as whole frames of this interface: what comes
//! or goes any other way has no part in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ferrolb_rawlink::SocketError;
use ferrolb_segment::message::Message;
use ferrolb_segment::seal::{self, ETHERTYPE, KeyRing};
use ferrolb_segment::ways::{Choice, Path, Stations, Stranger, paths};
use ferrolb_segment::{Moment, Profile, SegmentView};
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

use super::super::{PortTask, neighbours};
use super::Station;
use crate::layer2::wire::datagram::Datagram;
use crate::layer2::wire::{ETHERNET_HEADER, Mac};

/// From and to this port. Next to MetalLB's 7946, which its speakers use while they are replaced.
pub(super) const PORT: u16 = 7947;

/// What is known of this transport.
pub(super) struct Udp {
    pub(super) choice: Choice,
    stations: Stations,
    next: Instant,
    /// The kernel gets the datagrams too, and would refuse them aloud if nobody had the port.
    sinks: Vec<UdpSocket>,
}

impl Udp {
    pub(super) fn new(choice: Choice, profile: Profile, interface: &str) -> Self {
        let sinks = match choice.hears_datagrams() {
            true => [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
                .into_iter()
                .filter_map(|any| sink(any, interface).ok())
                .collect(),
            false => Vec::new(),
        };
        Self {
            choice,
            stations: Stations::new(profile.interval),
            next: Instant::now(),
            sinks,
        }
    }

    /// When to ask again; none where no datagrams are heard.
    pub(super) fn next(&self) -> Option<Instant> {
        self.choice.hears_datagrams().then_some(self.next)
    }

    fn empty_sinks(&self) {
        for sink in &self.sinks {
            while sink.recv(&mut [0]).is_ok() {}
        }
    }
}

fn sink(any: IpAddr, interface: &str) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address((any, PORT).into()), Type::DGRAM, None)?;
    if any.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((any, PORT)).into())?;
    Ok(socket.into())
}

impl Station {
    /// Follows which station has which address.
    pub(super) fn locate(&mut self, port: &mut PortTask, view: &SegmentView) -> Result<(), SocketError> {
        if !self.udp.choice.hears_datagrams() {
            return Ok(());
        }
        self.udp.stations.follow(paths(self.protocol.me, &view.stations));
        let watched = self.udp.stations.addresses();
        if port.watched == watched && port.datagrams == Some(PORT) {
            return Ok(());
        }
        self.udp.next = Instant::now();
        (port.watched, port.datagrams) = (watched, Some(PORT));
        port.renew_filter()
    }

    /// Asks the other nodes for a sign of life, and judges what is spoken.
    pub(super) fn call(&mut self, port: &PortTask) {
        let now = self.now();
        if self.udp.next().is_none_or(|next| next > Instant::now()) {
            return;
        }
        self.udp.next = Instant::now() + self.protocol.conduct.profile.interval;
        self.udp.empty_sinks();
        let all = self.udp.choice.says_datagrams() || self.udp.choice.is_open(now);
        for (path, mac) in self.udp.stations.to_ask(all, now) {
            if let Some(mut question) = neighbours::question(port.port.mac, &[path.own], path.peer) {
                let to = mac.map(|mac| mac.0);
                to.inspect(|mac| question[..mac.len()].copy_from_slice(mac));
                let _lost = port.send(&question);
            }
        }
        let (others, all_answer) = (self.udp.stations.len(), self.udp.stations.all_answer(now));
        if self.udp.choice.judge(others, all_answer, now) {
            self.tell_transport("no Ethernet frame of another speaker was heard, and all nodes answer");
        }
    }

    /// A sign of life that was asked for.
    pub(super) fn note_answer(&mut self, frame: &[u8], own: Mac, came: Moment) {
        if self.udp.stations.is_empty() {
            return;
        }
        if let Some(answer) = neighbours::answer(frame, own) {
            self.udp.stations.answered(answer.address, answer.source, came);
        }
    }

    /// To each node, at its address.
    pub(super) fn send_datagrams(&self, port: &PortTask, keys: &KeyRing, message: &Message) {
        if !self.udp.choice.says_datagrams() {
            return;
        }
        let own = port.port.mac;
        for (path, mac) in self.udp.stations.receivers() {
            let Ok(sealed) = seal::seal(keys, [own, mac], Some(path.own), message) else {
                return;
            };
            let datagram = Datagram {
                destination_mac: mac,
                source_mac: own,
                source: path.own,
                destination: path.peer,
                payload: &sealed[ETHERNET_HEADER..],
            };
            if let Some(frame) = datagram.emit(PORT) {
                let _lost = port.send(&frame);
            }
        }
    }

    /// What a datagram says, if it is of a node that answers on the segment.
    pub(super) fn open_datagram(
        &mut self,
        datagram: &Datagram<'_>,
        came: Moment,
        now: Moment,
    ) -> Result<Message, &'static str> {
        let path = Path {
            own: datagram.destination,
            peer: datagram.source,
        };
        let node = self.udp.stations.admit(datagram.source_mac, path, came);
        let node = node.map_err(Stranger::label)?;
        let frame = [
            &datagram.destination_mac.0[..],
            &datagram.source_mac.0,
            &ETHERTYPE.to_be_bytes(),
            datagram.payload,
        ]
        .concat();
        let message = self.open(&frame, Some(datagram.source), now)?;
        if message.from.node != node {
            return Err("no_neighbour");
        }
        if self.udp.choice.heard_datagram(node, now) {
            self.tell_transport("another speaker is heard by datagrams alone");
        }
        Ok(message)
    }

    pub(super) fn tell_transport(&self, reason: &str) {
        self.show_transport();
        let interface = &self.interface;
        tracing::info!(%interface, event = "segment", step = "transport", reason, "speaks UDP too");
    }

    pub(super) fn show_transport(&self) {
        let choice = &self.udp.choice;
        for (name, spoken) in [("raw", choice.is_raw()), ("udp", choice.says_datagrams())] {
            let labels = [self.interface.as_str(), name];
            let gauge = self.protocol.metrics.transport.with_label_values(&labels);
            gauge.set(spoken.into());
        }
    }

    pub(super) fn forget_transport(&self) {
        for name in ["raw", "udp"] {
            let labels = [self.interface.as_str(), name];
            // The only error is that there is no such series.
            let _absent = self.protocol.metrics.transport.remove_label_values(&labels);
        }
    }
}
