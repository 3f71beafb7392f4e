//! The one place that makes a condition and keeps its time.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest `message` that the API server takes in a condition, in bytes. It does not check those of a Service.
const LONGEST_MESSAGE: usize = 32768;

/// A condition as it is stored. One of a Service may lack anything but its type and status; with its time missing it is
/// equal to none that we write, and so it is written anew.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word.
    #[serde(default)]
    pub reason: String,
    /// Why, in a sentence.
    #[serde(default)]
    pub message: String,
    /// Since when it has this status.
    pub last_transition_time: Option<Time>,
}

/// What a condition says, without since when: the same is said once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Saying<'a> {
    /// The condition's type.
    pub type_: &'a str,
    /// Whether its status is True; else it is False.
    pub holds: bool,
    /// In one word.
    pub reason: &'a str,
    /// In a sentence, which is cut if it is too long.
    pub message: String,
}

impl Saying<'_> {
    /// The condition that says so from `now` on, or since as long ago as one of its type in `before` has the same status.
    pub fn condition<'b>(
        mut self,
        before: impl IntoIterator<Item = &'b Condition>,
        now: Timestamp,
    ) -> Condition {
        let status = if self.holds { "True" } else { "False" };
        self.message
            .truncate(self.message.floor_char_boundary(LONGEST_MESSAGE));
        let same = |one: &&Condition| one.type_ == self.type_ && one.status == status;
        let since = before
            .into_iter()
            .find(same)
            .and_then(|one| one.last_transition_time.clone());
        Condition {
            type_: self.type_.to_owned(),
            status: status.to_owned(),
            reason: self.reason.to_owned(),
            message: self.message,
            last_transition_time: Some(since.unwrap_or(Time(now))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(holds: bool, message: &str) -> Saying<'static> {
        Saying {
            type_: "Ready",
            holds,
            reason: "Because",
            message: message.to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_changes_with_the_status_alone() {
        let first = saying(false, "one thing").condition(None, at(1));
        let second = saying(false, "another").condition(Some(&first), at(2));
        assert_eq!(second.last_transition_time, Some(Time(at(1))));
        let third = saying(true, "well").condition(Some(&second), at(3));
        assert_eq!(third.last_transition_time, Some(Time(at(3))));
    }

    #[test]
    fn a_condition_of_another_type_lends_no_time() {
        let mut other = saying(true, "well").condition(None, at(1));
        other.type_ = "Other".to_owned();
        let ours = saying(true, "well").condition([&other], at(2));
        assert_eq!(ours.last_transition_time, Some(Time(at(2))));
    }

    #[test]
    fn a_condition_without_a_time_begins_now() {
        let without = Condition {
            last_transition_time: None,
            ..saying(true, "well").condition(None, at(1))
        };
        let ours = saying(true, "well").condition([&without], at(2));
        assert_eq!(ours.last_transition_time, Some(Time(at(2))));
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_between_characters() {
        let long = format!("x{}", "ä".repeat(LONGEST_MESSAGE));
        let message = saying(true, &long).condition(None, at(1)).message;
        assert_eq!(message, long[..LONGEST_MESSAGE - 1]);
    }

    #[test]
    fn the_same_is_said_whatever_the_time() {
        let seen = saying(true, "well").condition(None, at(1));
        let again = |holds, message| saying(holds, message).condition([&seen], at(2));
        assert_eq!(again(true, "well"), seen);
        assert_ne!(again(true, "better"), seen);
        assert_ne!(again(false, "well"), seen);
    }
}
