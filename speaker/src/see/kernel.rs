//! What the kernel says in its files. What cannot be read is not known, and stops nothing.

use std::fs;
use std::path::{Path, PathBuf};

use ferrolb_crds::domain::InterfaceName;

use crate::facts::Settings;

/// Where the files are; another place in tests.
pub(super) struct Kernel {
    proc: PathBuf,
    sys: PathBuf,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

impl Kernel {
    pub(super) fn settings(&self, interface: &InterfaceName) -> Settings {
        let greater = |name: &str| {
            let of = |whose: &str| number(&self.proc.join("sys/net/ipv4/conf").join(whose).join(name));
            of("all").max(of(interface.as_str()))
        };
        let ipv6 = self.proc.join("sys/net/ipv6/conf");
        let disabled = number(&ipv6.join(interface.as_str()).join("disable_ipv6"));
        let device = self.sys.join("class/net").join(interface.as_str());
        Settings {
            wireless: ["phy80211", "wireless"]
                .iter()
                .any(|name| device.join(name).exists()),
            ipv6_disabled: !ipv6.exists() || disabled == Some(1),
            rp_filter: greater("rp_filter"),
            arp_ignore: greater("arp_ignore"),
            arp_announce: greater("arp_announce"),
        }
    }

    /// The interface of the IPv4 default route with the least metric, in the main table.
    pub(super) fn default_route(&self) -> Option<InterfaceName> {
        let table = fs::read_to_string(self.proc.join("net/route")).ok()?;
        let route = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let [interface, "00000000", _, _, _, _, metric, "00000000", ..] = cells[..] else {
                return None;
            };
            Some((metric.parse::<u32>().ok()?, InterfaceName::from(interface)))
        };
        let routes = table.lines().filter_map(route);
        routes
            .min_by_key(|(metric, _)| *metric)
            .map(|(_, interface)| interface)
    }
}

fn number(file: &Path) -> Option<u8> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel with these files.
    fn kernel(files: &[(&str, &str)]) -> (Kernel, PathBuf) {
        let root = std::env::temp_dir().join(format!(
            "ferrolb-kernel-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        for (name, text) in files {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let kernel = Kernel {
            proc: root.join("proc"),
            sys: root.join("sys"),
        };
        (kernel, root)
    }

    #[test]
    fn the_kernel_goes_by_the_greater_of_all_and_the_interface() {
        let (kernel, root) = kernel(&[
            ("proc/sys/net/ipv4/conf/all/rp_filter", "2\n"),
            ("proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n"),
            ("proc/sys/net/ipv4/conf/all/arp_ignore", "0\n"),
            ("proc/sys/net/ipv4/conf/eth0/arp_ignore", "1\n"),
            ("proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1\n"),
            ("sys/class/net/eth0/wireless/status", "0\n"),
        ]);
        let expected = Settings {
            wireless: true,
            ipv6_disabled: true,
            rp_filter: Some(2),
            arp_ignore: Some(1),
            arp_announce: None,
        };
        let settings = kernel.settings(&"eth0".into());
        fs::remove_dir_all(root).unwrap();
        assert_eq!(settings, expected);
    }

    #[test]
    fn the_default_route_is_the_one_with_the_least_metric() {
        let (kernel, root) = kernel(&[(
            "proc/net/route",
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth1\t00000000\t010200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
             eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth2\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
        )]);
        let route = kernel.default_route();
        fs::remove_dir_all(root).unwrap();
        assert_eq!(route, Some("eth0".into()));
    }
}
