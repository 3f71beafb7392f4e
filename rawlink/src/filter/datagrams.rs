//! UDP datagrams to one port.

use super::Instruction;
use super::code::{ACCEPT, DROP, Width, load, only, when};

const UDP: u32 = 17;
/// Version 4 and a header of five words, and the type of service.
const IPV4_HEAD_AT: u32 = 14;
const IPV4_WITHOUT_OPTIONS: u32 = 0x45;
const IPV4_FRAGMENT_AT: u32 = 20;
const IPV4_WHOLE: [u32; 2] = [0x0000, 0x4000];
const IPV4_PROTOCOL_AT: u32 = 23;
const IPV4_PORT_AT: u32 = 36;
const IPV6_PORT_AT: u32 = 56;

/// What is done with a frame of IPv4. Ends in a return.
pub(super) fn over_ipv4(port: u16) -> Vec<Instruction> {
    let to_port = only(load(Width::Half, IPV4_PORT_AT), port.into(), vec![ACCEPT]);
    let mut whole = vec![load(Width::Half, IPV4_FRAGMENT_AT)];
    for flags in IPV4_WHOLE {
        whole.extend(when(flags, to_port.clone()));
    }
    whole.push(DROP);
    let udp = only(load(Width::Byte, IPV4_PROTOCOL_AT), UDP, whole);
    only(load(Width::Byte, IPV4_HEAD_AT), IPV4_WITHOUT_OPTIONS, udp)
}

/// What is done with a frame of IPv6 whose next header is in the accumulator. Goes on behind if that is another one.
pub(super) fn over_ipv6(port: u16) -> Vec<Instruction> {
    when(
        UDP,
        only(load(Width::Half, IPV6_PORT_AT), port.into(), vec![ACCEPT]),
    )
}
