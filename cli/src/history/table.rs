//! The answer for people.

use k8s_openapi::jiff::Timestamp;

use super::merge::Told;
use crate::plan::aligned;

/// The oldest first; the time is that of UTC.
pub(super) fn render(history: &[Told]) -> String {
    let header = [
        "TIME", "SERVICE", "ADDRESS", "WHAT", "FROM", "TO", "TOOK", "CAUSE",
    ];
    let none = || "-".to_owned();
    let rows = history.iter().map(|Told { line, .. }| {
        let at = Timestamp::from_millisecond(line.at_unix_ms).unwrap_or_default();
        let services = line.services.join(",");
        [
            at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            if services.is_empty() { none() } else { services },
            line.address.map_or_else(none, |address| address.to_string()),
            line.what.clone(),
            line.from.clone().unwrap_or_else(none),
            line.to.clone().unwrap_or_else(none),
            line.took_ms.map_or_else(none, |took_ms| format!("{took_ms} ms")),
            line.cause.clone(),
        ]
    });
    match history {
        [] => "nothing is remembered of it\n".to_owned(),
        _ => aligned(header, rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::merge::line;

    #[test]
    fn a_move_is_one_line_with_its_nodes_its_duration_and_its_cause() {
        let line = line(1_700_000_000_250, "took", Some("n1"), Some("n2"), "SpeakerDown");
        let text = render(&[Told::by(&"n2".into(), line)]);
        let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        let expected = "2023-11-14 22:13:20.250 default/web 192.0.2.7 took n1 n2 640 ms SpeakerDown";
        assert_eq!(words, expected.split(' ').collect::<Vec<&str>>());
    }
}
