//! ARP over Ethernet (RFC 826), written apart from FerroLB's own codec so that one checks the other.

use std::net::Ipv4Addr;

use crate::mac::Mac;

const ETHERTYPE: [u8; 2] = [0x08, 0x06];
/// Ethernet, IPv4, and the lengths of their addresses.
const KIND: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];

/// "Who has `target`? Tell `own`."
pub(crate) fn request(mac: Mac, own: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    [
        &Mac::BROADCAST.0[..],
        &mac.0,
        &ETHERTYPE,
        &KIND,
        &REQUEST,
        &mac.0,
        &own.octets(),
        &[0; 6],
        &target.octets(),
    ]
    .concat()
}

/// The MAC that a frame says `target` is at, if it is a reply to `mac`.
pub(crate) fn answer(frame: &[u8], mac: Mac, target: Ipv4Addr) -> Option<Mac> {
    let body = frame.get(14..42)?;
    let to_us = frame[..6] == mac.0 && body[18..24] == mac.0;
    let is_reply = frame[12..14] == ETHERTYPE && body[..6] == KIND && body[6..8] == REPLY;
    let sender = Mac(body[8..14].try_into().ok()?);
    (to_us && is_reply && body[14..18] == target.octets()).then_some(sender)
}

/// The MAC at which a gratuitous frame, request or reply (RFC 5227 §3), says that `target` is.
pub(super) fn announcement(frame: &[u8], target: Ipv4Addr) -> Option<Mac> {
    announced(frame).and_then(|(about, mac)| (about == target).then_some(mac))
}

/// The address that a gratuitous frame is about, and the MAC at which it says that it is.
pub(super) fn announced(frame: &[u8]) -> Option<(Ipv4Addr, Mac)> {
    let body = frame.get(14..42)?;
    let is_arp = frame[12..14] == ETHERTYPE && body[..6] == KIND;
    let about = body.get(14..18).filter(|sender| *sender == &body[24..28])?;
    let about: [u8; 4] = about.try_into().ok()?;
    let mac = Mac(body[8..14].try_into().ok()?);
    is_arp.then_some((about.into(), mac))
}

/// The address that a frame is the answer about, if it is a reply to `mac`.
pub(crate) fn answered(frame: &[u8], mac: Mac) -> Option<Ipv4Addr> {
    let about: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    let about = Ipv4Addr::from(about);
    answer(frame, mac, about).map(|_| about)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
    const TARGET: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);

    fn reply(to: Mac, about: Ipv4Addr) -> Vec<u8> {
        let head = [&to.0[..], &HOLDER.0, &ETHERTYPE, &KIND, &REPLY];
        [
            &head.concat()[..],
            &HOLDER.0,
            &about.octets(),
            &to.0,
            &OWN.octets(),
        ]
        .concat()
    }

    #[test]
    fn a_request_is_42_bytes_and_no_answer_to_itself() {
        let request = request(ASKER, OWN, TARGET);
        assert_eq!(request.len(), 42);
        assert_eq!(answer(&request, ASKER, TARGET), None);
    }

    #[test]
    fn a_reply_names_the_holder() {
        assert_eq!(answer(&reply(ASKER, TARGET), ASKER, TARGET), Some(HOLDER));
    }

    #[test]
    fn a_reply_names_the_address_it_is_about() {
        assert_eq!(answered(&reply(ASKER, TARGET), ASKER), Some(TARGET));
        assert_eq!(answered(&reply(HOLDER, TARGET), ASKER), None);
        assert_eq!(answered(&request(ASKER, OWN, TARGET), ASKER), None);
    }

    #[test]
    fn a_reply_about_another_address_or_to_another_host_is_no_answer() {
        assert_eq!(answer(&reply(ASKER, OWN), ASKER, TARGET), None);
        assert_eq!(answer(&reply(HOLDER, TARGET), ASKER, TARGET), None);
    }

    #[test]
    fn a_gratuitous_frame_announces_and_an_answer_does_not() {
        for operation in [REQUEST, REPLY] {
            let head = [&Mac::BROADCAST.0[..], &HOLDER.0, &ETHERTYPE, &KIND, &operation].concat();
            let (mac, address) = (HOLDER.0, TARGET.octets());
            let frame = [&head[..], &mac, &address, &[0; 6], &address].concat();
            assert_eq!(announcement(&frame, TARGET), Some(HOLDER));
            assert_eq!(announcement(&frame, OWN), None);
        }
        assert_eq!(announcement(&reply(ASKER, TARGET), TARGET), None);
        assert_eq!(announcement(&request(ASKER, OWN, TARGET), TARGET), None);
    }

    #[test]
    fn a_truncated_frame_is_no_answer() {
        let whole = reply(ASKER, TARGET);
        assert!((0..whole.len()).all(|length| answer(&whole[..length], ASKER, TARGET).is_none()));
    }
}
