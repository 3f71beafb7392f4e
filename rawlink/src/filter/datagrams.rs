//! UDP datagrams to one port.

use super::Instruction;
use super::code::{ACCEPT, DROP, Width, load, when};

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
    let mut whole = to(port, IPV4_PORT_AT);
    whole.push(DROP);
    let mut fragment = vec![load(Width::Half, IPV4_FRAGMENT_AT)];
    for flags in IPV4_WHOLE {
        fragment.extend(when(flags, whole.clone()));
    }
    fragment.push(DROP);
    let mut protocol = vec![load(Width::Byte, IPV4_PROTOCOL_AT)];
    protocol.extend(when(UDP, fragment));
    protocol.push(DROP);
    let mut code = vec![load(Width::Byte, IPV4_HEAD_AT)];
    code.extend(when(IPV4_WITHOUT_OPTIONS, protocol));
    code.push(DROP);
    code
}

/// What is done with a frame of IPv6 whose next header is in the accumulator. Goes on behind if that is another one.
pub(super) fn over_ipv6(port: u16) -> Vec<Instruction> {
    let mut block = to(port, IPV6_PORT_AT);
    block.push(DROP);
    when(UDP, block)
}

fn to(port: u16, at: u32) -> Vec<Instruction> {
    let mut code = vec![load(Width::Half, at)];
    code.extend(when(u32::from(port), vec![ACCEPT]));
    code
}
