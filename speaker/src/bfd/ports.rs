//! The ports that packets come to.

use std::collections::BTreeMap;

use ferrolb_peering::bfd::Path;
use ferrolb_rawlink::datagrams::{Datagram, Family, Listener};
use futures::future::select_all;

/// RFC 5881 section 4.
const SINGLE_HOP: u16 = 3784;
/// RFC 5883 section 5.
const MULTIHOP: u16 = 4784;

/// A port: of which family, and in which VRF.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Port {
    pub(super) family: Family,
    pub(super) number: u16,
    pub(super) vrf: Option<String>,
}

/// The port of a path.
pub(super) fn number(path: Path) -> u16 {
    match path {
        Path::SingleHop => SINGLE_HOP,
        Path::Multihop { .. } => MULTIHOP,
    }
}

/// Listeners, or why there is none.
#[derive(Default)]
pub(super) struct Ports(BTreeMap<Port, Result<Listener, String>>);

impl Ports {
    /// Listens on these, and on no others; tries again what failed.
    pub(super) fn follow(&mut self, wanted: impl IntoIterator<Item = Port>) {
        let mut before = std::mem::take(&mut self.0);
        for port in wanted {
            let listener = match before.remove(&port) {
                Some(Ok(listener)) => Ok(listener),
                _ => Listener::bind(port.family, port.number, port.vrf.as_deref())
                    .map_err(|error| format!("cannot listen on UDP port {}: {error}", port.number)),
            };
            self.0.insert(port, listener);
        }
    }

    /// Why nothing can come to this port.
    pub(super) fn trouble(&self, port: &Port) -> Option<&str> {
        self.0.get(port)?.as_ref().err().map(String::as_str)
    }

    /// Waits until something has come; for ever without a port.
    pub(super) async fn readable(&self) {
        let waiting: Vec<_> = self
            .listeners()
            .map(|(_, one)| Box::pin(one.readable()))
            .collect();
        if waiting.is_empty() {
            std::future::pending::<()>().await;
        }
        let _ready = select_all(waiting).await;
    }

    /// All that has come, in the order of the ports.
    pub(super) fn read(&self, mut take: impl FnMut(&Port, &Datagram, &[u8])) {
        // Longer than any packet, with authentication too.
        let mut buffer = [0; 256];
        for (port, listener) in self.listeners() {
            while let Ok(Some(datagram)) = listener.try_recv(&mut buffer) {
                take(port, &datagram, &buffer[..datagram.length]);
            }
        }
    }

    fn listeners(&self) -> impl Iterator<Item = (&Port, &Listener)> {
        self.0
            .iter()
            .filter_map(|(port, one)| Some((port, one.as_ref().ok()?)))
    }
}
