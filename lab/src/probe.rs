//! What a client asks the LAN. Each question uses a socket of its own: a flow that began before a Service had its
//! rules stays dead for as long as it is used.

mod announcements;
pub(crate) mod arp;
mod ndp;
pub(crate) mod packet;
mod tap;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ferrolb_echo::http;

pub use ferrolb_echo::http::Answer;

use crate::error::{Doing, Result};
use crate::lab::Lab;
use crate::mac::Mac;
use crate::plan::Machine;
pub use announcements::{Announcement, Announcements};
pub use tap::{Tap, announcement};

const CLIENT: Machine = Machine::Client(1);

impl Lab {
    /// One HTTP GET from the first client; the address in the URL is a number.
    ///
    /// # Errors
    /// If there is no answer; see [`Error::is_silence`](crate::Error::is_silence).
    pub fn http_get(&self, url: &str, timeout: Duration) -> Result<Answer> {
        self.http_get_from(CLIENT, url, timeout)
    }

    /// One HTTP GET from any machine; from a node it is what a pod on the node's own network would see.
    ///
    /// # Errors
    /// If there is no answer; see [`Error::is_silence`](crate::Error::is_silence).
    pub fn http_get_from(&self, machine: Machine, url: &str, timeout: Duration) -> Result<Answer> {
        self.in_machine(machine, || http::get(url, timeout))?
            .doing(|| format!("get {url}"))
    }

    /// One datagram from the first client and the answer to it.
    ///
    /// # Errors
    /// If there is no answer; see [`Error::is_silence`](crate::Error::is_silence).
    pub fn udp_ask(&self, address: SocketAddr, timeout: Duration) -> Result<String> {
        self.in_client(|| udp_ask(address, timeout))?
            .doing(|| format!("ask {address} over UDP"))
    }

    /// Broadcasts one ARP request for an address from the first client and returns every station that answers within the
    /// whole time given, first come first.
    ///
    /// # Errors
    /// If no frame can be sent.
    pub fn arp_ask(&self, address: Ipv4Addr, within: Duration) -> Result<Vec<Mac>> {
        self.arp_ask_from(CLIENT, address, within)
    }

    /// As [`Lab::arp_ask`], from any machine. The kernel of whoever asks hears the answers, too.
    ///
    /// # Errors
    /// As [`Lab::arp_ask`].
    pub fn arp_ask_from(&self, asker: Machine, address: Ipv4Addr, within: Duration) -> Result<Vec<Mac>> {
        let request = arp::request(asker.mac(), asker.ipv4(), address);
        self.in_machine(asker, || {
            packet::ask("eth0", &request, within, |frame| {
                arp::answer(frame, asker.mac(), address)
            })
        })?
    }

    /// Multicasts one neighbour solicitation for an address from the first client and returns every station that answers
    /// within the whole time given, first come first.
    ///
    /// # Errors
    /// If no frame can be sent.
    pub fn ndp_ask(&self, address: Ipv6Addr, within: Duration) -> Result<Vec<Mac>> {
        self.ndp_ask_from(CLIENT, address, within)
    }

    /// As [`Lab::ndp_ask`], from any machine.
    ///
    /// # Errors
    /// As [`Lab::ndp_ask`].
    pub fn ndp_ask_from(&self, asker: Machine, address: Ipv6Addr, within: Duration) -> Result<Vec<Mac>> {
        let solicitation = ndp::solicitation(asker.mac(), asker.ipv6(), address);
        self.in_machine(asker, || {
            packet::ask("eth0", &solicitation, within, |frame| {
                ndp::answer(frame, asker.ipv6(), address)
            })
        })?
    }
}

fn udp_ask(address: SocketAddr, timeout: Duration) -> std::io::Result<String> {
    let any: SocketAddr = if address.is_ipv4() {
        ([0; 4], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.send(b"who\n")?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}
