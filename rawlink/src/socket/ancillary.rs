//! What the kernel says about a frame beside its bytes (cmsg(3)), read without pointers.

/// Room for `PACKET_AUXDATA`, in words so that it is aligned as the kernel expects.
pub(super) const CONTROL_WORDS: usize = 8;

/// `struct cmsghdr`: length (one word, itself included), level and type (one `int` each).
const HEADER_BYTES: usize = size_of::<usize>() + 8;

/// Offsets in `struct tpacket_auxdata` (linux/if_packet.h).
const AUX_STATUS: usize = 0;
const AUX_VLAN: usize = 16;

/// The VLAN ID is the low 12 bits of a tag; above it are priority and DEI (IEEE 802.1Q).
const VLAN_ID: u16 = 0x0fff;

/// The VLAN ID in the first `length` bytes of a control buffer, if the kernel took a tag with one off the frame.
pub(super) fn vlan(control: &[u64; CONTROL_WORDS], length: usize) -> Option<u16> {
    let mut bytes = [0; CONTROL_WORDS * 8];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(control) {
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    let mut rest = &bytes[..length.min(bytes.len())];
    while let Some((message, after)) = split(rest) {
        if (message.level, message.kind) == (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            return vlan_of(message.data);
        }
        rest = after;
    }
    None
}

struct Message<'a> {
    level: i32,
    kind: i32,
    data: &'a [u8],
}

fn split(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = usize::from_ne_bytes(array(bytes, 0)?);
    let message = Message {
        level: i32::from_ne_bytes(array(bytes, size_of::<usize>())?),
        kind: i32::from_ne_bytes(array(bytes, size_of::<usize>() + 4)?),
        data: bytes.get(HEADER_BYTES..length)?,
    };
    let next = length.next_multiple_of(size_of::<usize>()).min(bytes.len());
    Some((message, &bytes[next..]))
}

fn vlan_of(auxdata: &[u8]) -> Option<u16> {
    let status = u32::from_ne_bytes(array(auxdata, AUX_STATUS)?);
    let tag = u16::from_ne_bytes(array(auxdata, AUX_VLAN)?);
    let id = tag & VLAN_ID;
    (status & libc::TP_STATUS_VLAN_VALID != 0 && id != 0).then_some(id)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Control = ([u64; CONTROL_WORDS], usize);

    fn control(messages: &[(i32, i32, &[u8])]) -> Control {
        let mut bytes = Vec::new();
        for (level, kind, data) in messages {
            bytes.extend((HEADER_BYTES + data.len()).to_ne_bytes());
            bytes.extend(level.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*data);
            bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
        }
        let length = bytes.len();
        bytes.resize(CONTROL_WORDS * 8, 0);
        let mut words = [0; CONTROL_WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_ne_bytes(chunk.try_into().unwrap());
        }
        (words, length)
    }

    fn auxdata(status: u32, tag: u16) -> Control {
        let mut data = vec![0; size_of::<libc::tpacket_auxdata>()];
        data[AUX_STATUS..4].copy_from_slice(&status.to_ne_bytes());
        data[AUX_VLAN..AUX_VLAN + 2].copy_from_slice(&tag.to_ne_bytes());
        control(&[
            (libc::SOL_SOCKET, libc::PACKET_AUXDATA, &[0xff; 4]),
            (libc::SOL_PACKET, libc::PACKET_AUXDATA, &data),
        ])
    }

    #[test]
    fn the_offsets_are_those_of_the_kernel_header() {
        assert_eq!(AUX_STATUS, std::mem::offset_of!(libc::tpacket_auxdata, tp_status));
        assert_eq!(AUX_VLAN, std::mem::offset_of!(libc::tpacket_auxdata, tp_vlan_tci));
        assert_eq!(HEADER_BYTES, size_of::<libc::cmsghdr>());
    }

    #[test]
    fn a_tag_counts_only_if_the_kernel_says_that_there_was_one() {
        let (words, length) = auxdata(0, 5);
        assert_eq!(vlan(&words, length), None);
    }

    #[test]
    fn the_priority_is_not_part_of_the_vlan_id() {
        let (words, length) = auxdata(libc::TP_STATUS_VLAN_VALID, 0xe005);
        assert_eq!(vlan(&words, length), Some(5));
    }

    #[test]
    fn a_tag_that_only_carries_a_priority_is_no_vlan() {
        let (words, length) = auxdata(libc::TP_STATUS_VLAN_VALID, 0xe000);
        assert_eq!(vlan(&words, length), None);
    }

    proptest! {
        #[test]
        fn nothing_in_a_control_buffer_can_upset_the_reader(words: [u64; CONTROL_WORDS], length: usize) {
            vlan(&words, length);
        }
    }
}
