//! Whether two outputs say the same, but for what is another in each cluster and at each time.

use std::net::SocketAddr;

use crate::plan::Machine;

/// More than a lab of the tour has.
const MOST_NODES: u8 = 9;

/// Behind it Helm prints the time.
const DEPLOYED: &str = "LAST DEPLOYED:";

/// Whether `page` shows what was `seen`. Widths of columns, names of nodes of another lab, suffixes of pods, addresses
/// of pods and of Services inside the cluster, ports chosen by chance, ages and counts at the beginning of a line
/// (`uniq -c`) and times of Helm do not matter.
#[must_use]
pub fn same(page: &str, seen: &str) -> bool {
    plain(page) == plain(seen)
}

fn plain(text: &str) -> Vec<Vec<String>> {
    let lines = text.trim_end().lines();
    lines
        .map(|line| {
            let mut words: Vec<String> = line.split_whitespace().map(word).collect();
            if line.starts_with(DEPLOYED) {
                words.truncate(DEPLOYED.split(' ').count());
            }
            if let Some(first) = words.first_mut()
                && line.starts_with(' ')
                && first.bytes().all(|byte| byte.is_ascii_digit())
            {
                *first = "COUNT".to_owned();
            }
            words
        })
        .collect()
}

fn word(word: &str) -> String {
    if let Some(asker) = word.strip_prefix("from=") {
        return format!("from={}", whom(asker));
    }
    let pieces = word.split_inclusive(['=', ',', '/', '"', '\'', '(', ')', '[', ']']);
    pieces.map(piece).collect()
}

/// A piece with the separator behind it.
fn piece(piece: &str) -> String {
    let end = piece
        .rfind(|c: char| !matches!(c, '=' | ',' | '/' | '"' | '\'' | '(' | ')' | '[' | ']'))
        .map_or(0, |at| at + 1);
    let (value, separator) = piece.split_at(end);
    let known = address(value)
        .or_else(|| age(value))
        .or_else(|| node(value))
        .or_else(|| pod(value))
        .unwrap_or_else(|| value.to_owned());
    known + separator
}

/// The asker without its port. A node asks with the address of its interface towards the pod.
fn whom(asker: &str) -> String {
    let Ok(asker) = asker.parse::<SocketAddr>() else {
        return asker.to_owned();
    };
    let ip = asker.ip();
    let nodes = 1..=MOST_NODES;
    let is_node = nodes
        .map(Machine::Node)
        .any(|node| ip == node.ipv4() || ip == node.ipv6());
    if is_node || inside(&ip.to_string()).is_some() {
        return "INSIDE".to_owned();
    }
    ip.to_string()
}

/// Addresses inside the cluster, and the port of whoever asks.
fn address(value: &str) -> Option<String> {
    let (host, port) = match value.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => (host, Some(port)),
        _ => (value, None),
    };
    let is_chosen = |port: &str| port.parse::<u16>().is_ok_and(|port| port >= 30_000);
    let shown = match (inside(host), port) {
        (Some(name), Some(port)) if is_chosen(port) => format!("{name}:PORT"),
        (Some(name), Some(port)) => format!("{name}:{port}"),
        (Some(name), None) => name,
        (None, Some(port)) if is_chosen(port) => format!("{host}:PORT"),
        _ => return None,
    };
    Some(shown)
}

fn inside(host: &str) -> Option<String> {
    let networks = [
        ("10.244.", "POD-ADDRESS"),
        ("10.96.", "CLUSTER-ADDRESS"),
        ("fd00:10:244:", "POD-ADDRESS"),
        ("fd00:10:96:", "CLUSTER-ADDRESS"),
    ];
    // the address of the cluster's DNS is part of every kubelet's configuration
    let found = networks
        .iter()
        .find(|(prefix, _)| host.starts_with(prefix) && host != "10.96.0.10");
    found.map(|(_, name)| (*name).to_owned())
}

fn age(value: &str) -> Option<String> {
    let digits = value.trim_end_matches(|c: char| "smhd".contains(c) || c.is_ascii_digit());
    let is_age = digits.is_empty()
        && value.starts_with(|c: char| c.is_ascii_digit())
        && value.ends_with(['s', 'm', 'h', 'd']);
    is_age.then(|| "AGE".to_owned())
}

/// `fl-tour-n2`.
fn node(value: &str) -> Option<String> {
    let (_, number) = value.strip_prefix("fl-")?.split_once("-n")?;
    number.parse::<u8>().is_ok().then(|| "NODE".to_owned())
}

/// `web-5d4f8c7b9-x2x7k` of a Deployment, `web-x2x7k` of a DaemonSet or an `EndpointSlice`.
fn pod(value: &str) -> Option<String> {
    let (rest, suffix) = value.rsplit_once('-')?;
    let is_suffix = suffix.len() == 5
        && suffix
            .bytes()
            .all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b));
    if !is_suffix {
        return None;
    }
    let owner = match rest.rsplit_once('-') {
        Some((owner, hash)) if hash.len() >= 8 && hash.bytes().all(|b| b.is_ascii_alphanumeric()) => owner,
        _ => rest,
    };
    Some(format!("{owner}-POD"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "web  ClusterIP  10.96.3.4  <none>  80/TCP  3s",
        "web ClusterIP 10.96.200.1 <none>   80/TCP 1m2s"
    )]
    #[case(
        "pod=web-5d4f8c7b95-x2x7k node=fl-tour-n1 from=10.244.1.1:51000",
        "pod=web-7c9fbd8b44-zzzzz node=fl-t12-n3 from=10.244.3.1:40001"
    )]
    #[case("80:30080/TCP,443:31000/TCP", "80:30080/TCP,443:31999/TCP")]
    #[case("      3 pod", "   12 pod")]
    fn what_is_another_each_time_does_not_matter(#[case] page: &str, #[case] seen: &str) {
        assert!(same(page, seen), "{:?} {:?}", plain(page), plain(seen));
    }

    #[rstest]
    #[case("from=192.0.2.100:51000", "from=192.0.2.101:51000")]
    #[case("web 192.0.2.220", "web 192.0.2.221")]
    #[case("web <pending>", "web 192.0.2.220")]
    #[case("a\nb", "a")]
    #[case("3 pods", "4 pods")]
    #[case("from=10.244.1.1:1", "from=192.0.2.100:1")]
    #[case("from=[2001:db8:1::100]:1", "from=[2001:db8:1::11]:1")]
    fn all_else_does(#[case] page: &str, #[case] seen: &str) {
        assert!(!same(page, seen));
    }
}
