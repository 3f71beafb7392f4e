//! Whose an Ethernet address is, as far as its first bytes tell: machines that take an address of a pool are mostly virtual
//! ones and routers, and an operator finds them sooner by their kind.

use super::Mac;

/// Prefixes and the kind of station, the longer ones of a block first. From the IEEE's registry, and for addresses that
/// nobody has assigned from what the programs use.
const PREFIXES: [(&[u8], &str); 28] = [
    // RFC 9568, section 7.3.
    (&[0x00, 0x00, 0x5e, 0x00, 0x01], "VRRP or CARP"),
    (&[0x00, 0x00, 0x5e, 0x00, 0x02], "VRRP"),
    (&[0x00, 0x00, 0x0c, 0x07, 0xac], "HSRP"),
    (&[0x00, 0x00, 0x0c, 0x9f, 0xf0], "HSRP"),
    (&[0x00, 0x05, 0x73, 0xa0, 0x00], "HSRP"),
    (&[0x00, 0x07, 0xb4, 0x00], "GLBP"),
    (&[0x00, 0x05, 0x69], "VMware"),
    (&[0x00, 0x0c, 0x29], "VMware"),
    (&[0x00, 0x1c, 0x14], "VMware"),
    (&[0x00, 0x50, 0x56], "VMware"),
    (&[0x52, 0x54, 0x00], "QEMU/KVM"),
    (&[0xfa, 0x16, 0x3e], "OpenStack"),
    (&[0xbc, 0x24, 0x11], "Proxmox"),
    (&[0x50, 0x6b, 0x8d], "Nutanix"),
    (&[0x00, 0x16, 0x3e], "Xen"),
    (&[0x00, 0x15, 0x5d], "Hyper-V"),
    (&[0x08, 0x00, 0x27], "VirtualBox"),
    (&[0x0a, 0x00, 0x27], "VirtualBox"),
    (&[0x00, 0x1c, 0x42], "Parallels"),
    (&[0x58, 0x9c, 0xfc], "bhyve"),
    (&[0x02, 0x42], "Docker"),
    (&[0x28, 0xcd, 0xc1], "Raspberry Pi"),
    (&[0x2c, 0xcf, 0x67], "Raspberry Pi"),
    (&[0xb8, 0x27, 0xeb], "Raspberry Pi"),
    (&[0xd8, 0x3a, 0xdd], "Raspberry Pi"),
    (&[0xdc, 0xa6, 0x32], "Raspberry Pi"),
    (&[0xe4, 0x5f, 0x01], "Raspberry Pi"),
    (&[0x00, 0x00, 0x5e], "IANA"),
];

impl Mac {
    /// The vendor or the kind of station; none if the prefix is not known.
    pub fn vendor(self) -> Option<&'static str> {
        let known = PREFIXES.iter().find(|(prefix, _)| self.0.starts_with(prefix));
        known.map(|(_, vendor)| *vendor)
    }

    /// Whether it was made up by a program, as those of virtual machines and containers are, and not assigned to a vendor
    /// (the second lowest bit of the first byte, IEEE 802).
    pub fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }

    /// The address and whose it is, as sentences have it: `MAC address 52:54:00:00:00:09, QEMU/KVM`.
    pub fn described(self) -> String {
        match self.vendor() {
            Some(vendor) => format!("MAC address {self}, {vendor}"),
            None if self.is_local() => format!("MAC address {self}, locally administered"),
            None => format!("MAC address {self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("00:00:5e:00:01:0a", "MAC address 00:00:5e:00:01:0a, VRRP or CARP")]
    #[case("52:54:00:12:34:56", "MAC address 52:54:00:12:34:56, QEMU/KVM")]
    #[case("02:42:ac:11:00:02", "MAC address 02:42:ac:11:00:02, Docker")]
    #[case("02:00:c0:00:02:0c", "MAC address 02:00:c0:00:02:0c, locally administered")]
    #[case("00:00:00:00:00:01", "MAC address 00:00:00:00:00:01")]
    fn a_station_is_named_with_its_kind_where_that_is_known(#[case] mac: &str, #[case] described: &str) {
        assert_eq!(mac.parse::<Mac>().unwrap().described(), described);
    }

    #[test]
    fn no_prefix_hides_a_longer_one() {
        for (at, (prefix, _)) in PREFIXES.iter().enumerate() {
            let before = &PREFIXES[..at];
            assert!(
                !before.iter().any(|(shorter, _)| prefix.starts_with(shorter)),
                "{prefix:02x?}"
            );
        }
    }
}
