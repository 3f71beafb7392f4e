//! What several speakers tell, as one history.

use ferrolb_crds::domain::NodeName;
use ferrolb_speaker::history::Line;
use serde::Serialize;

/// The same thing is told within this time by all who tell of it: clocks differ, and speakers notice it one after the
/// other.
const SAME_WITHIN_MS: i64 = 10_000;

/// A line, and who tells it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) line: Line,
    /// The node whose speaker remembers it.
    pub(super) told_by: NodeName,
}

impl Told {
    pub(super) fn by(node: &NodeName, line: Line) -> Self {
        Self {
            line,
            told_by: node.clone(),
        }
    }

    /// Whether both tell of the same: of a move of the address to the same node, or of the same detection.
    fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&self.line, &other.line);
        let is_near = one.at_unix_ms.abs_diff(two.at_unix_ms) <= SAME_WITHIN_MS.unsigned_abs();
        let is_alike = one.address == two.address
            && one.to == two.to
            && (one.from == two.from || one.from.is_none() || two.from.is_none());
        let is_move = |line: &Line| line.to.is_some();
        is_near
            && is_alike
            && self.told_by != other.told_by
            && match is_move(one) {
                true => is_move(two) && one.what != two.what,
                false => one.what == two.what && one.cause == two.cause,
            }
    }

    /// The new holder knows most of a move: why, and how long it took.
    fn knows_more_than(&self, other: &Self) -> bool {
        self.line.what == "took" && other.line.what != "took"
    }
}

/// In order of time, each thing once.
pub(super) fn merged(mut all: Vec<Told>) -> Vec<Told> {
    all.sort_by(|one, other| {
        let key = |told: &Told| (told.line.at_unix_ms, told.line.address, told.told_by.clone());
        key(one).cmp(&key(other))
    });
    let mut merged: Vec<Told> = Vec::new();
    for told in all {
        let from_unix_ms = told.line.at_unix_ms - SAME_WITHIN_MS;
        let begin = merged.partition_point(|one| one.line.at_unix_ms < from_unix_ms);
        let same = merged[begin..].iter_mut().find(|one| one.is_same(&told));
        match same {
            Some(same) if told.knows_more_than(same) => *same = told,
            Some(_) => {}
            None => merged.push(told),
        }
    }
    merged.sort_by_key(|told| told.line.at_unix_ms);
    merged
}

#[cfg(test)]
pub(super) fn line(at_unix_ms: i64, what: &str, from: Option<&str>, to: Option<&str>, cause: &str) -> Line {
    Line {
        at_unix_ms,
        what: what.to_owned(),
        services: vec!["default/web".to_owned()],
        address: Some([192, 0, 2, 7].into()),
        interface: Some("eth0".to_owned()),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        took_ms: (what == "took").then_some(640),
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(by: &str, line: Line) -> Told {
        Told::by(&by.into(), line)
    }

    fn shown(all: Vec<Told>) -> Vec<(i64, String, String)> {
        let brief = |told: Told| (told.line.at_unix_ms, told.line.what, told.line.cause);
        merged(all).into_iter().map(brief).collect()
    }

    #[test]
    fn a_move_that_both_nodes_tell_is_shown_once_as_the_new_holder_tells_it() {
        let gave = told("n1", line(1_000, "gave up", Some("n1"), Some("n2"), "HandedOver"));
        let took = told("n2", line(1_040, "took", Some("n1"), Some("n2"), "Rebalanced"));
        let expected = [(1_040, "took".to_owned(), "Rebalanced".to_owned())];
        assert_eq!(shown(vec![gave.clone(), took.clone()]), expected);
        // The clock of the old holder is ahead.
        let late = told(
            "n1",
            Line {
                at_unix_ms: 1_500,
                ..gave.line
            },
        );
        assert_eq!(shown(vec![late, took]), expected);
    }

    #[test]
    fn an_address_that_went_and_came_again_is_shown_twice() {
        let all = vec![
            told("n2", line(1_000, "took", Some("n1"), Some("n2"), "Rebalanced")),
            told("n1", line(3_000, "took", Some("n2"), Some("n1"), "Balanced")),
            told("n2", line(5_000, "took", Some("n1"), Some("n2"), "Rebalanced")),
        ];
        assert_eq!(shown(all).len(), 3);
    }

    #[test]
    fn what_all_notice_is_shown_once() {
        let down = |at| Line {
            address: None,
            ..line(at, "detected", Some("n1"), None, "SpeakerDown")
        };
        let all = vec![
            told("n2", down(1_000)),
            told("n3", down(1_200)),
            told("n2", down(60_000)),
        ];
        let at: Vec<i64> = shown(all).into_iter().map(|(at, ..)| at).collect();
        assert_eq!(at, [1_000, 60_000]);
    }

    #[test]
    fn it_is_in_order_of_time_whoever_tells_it() {
        let refused = |at| line(at, "refused", Some("n1"), None, "NoEndpoints");
        let all = vec![
            told("n2", refused(30_000)),
            told("n1", refused(1_000)),
            told("n3", refused(15_000)),
        ];
        let at: Vec<i64> = shown(all).into_iter().map(|(at, ..)| at).collect();
        assert_eq!(at, [1_000, 15_000, 30_000]);
    }
}
