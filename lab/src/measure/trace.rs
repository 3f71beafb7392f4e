//! What speakers say of a takeover in their logs: lines of the event `segment`, in either form of the log.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::lab::Lab;

const EVENT: &str = "segment";

/// When a speaker noticed that the holder is gone, and when it claimed the address, since the fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) detected: Option<Duration>,
    pub(super) claimed: Option<Duration>,
}

/// The logs of all speakers up to a moment.
pub(super) struct Marks {
    lengths: BTreeMap<PathBuf, u64>,
}

impl Marks {
    /// Takes note of how long all logs are.
    pub(super) fn now(lab: &Lab) -> Self {
        let logs = lab.plan().nodes().flat_map(|node| logs(lab, node));
        let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        Self {
            lengths: logs.map(|path| (path.clone(), length(&path))).collect(),
        }
    }

    /// What the speaker of a node has said since of an address.
    pub(super) fn since(&self, lab: &Lab, node: u8, address: &str, fault: SystemTime) -> Steps {
        steps(&self.text(lab, node), address, fault)
    }

    /// All steps that the speaker of a node has told of since.
    pub(super) fn lines_since(&self, lab: &Lab, node: u8) -> Vec<Line> {
        self.text(lab, node).lines().filter_map(line).collect()
    }

    /// The steps of all speakers since, by time.
    pub(super) fn all(&self, lab: &Lab, fault: SystemTime) -> Vec<Said> {
        let nodes = lab.plan().nodes();
        let mut all: Vec<Said> = nodes
            .flat_map(|node| said(&self.text(lab, node), node, fault))
            .collect();
        all.sort();
        all
    }

    fn text(&self, lab: &Lab, node: u8) -> String {
        let texts = logs(lab, node).into_iter().map(|path| {
            let from = self.lengths.get(&path).copied().unwrap_or(0);
            tail(&path, from).unwrap_or_default()
        });
        texts.collect()
    }
}

/// A step that a speaker took, of its log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// Since the fault.
    pub(super) after: Duration,
    pub(super) node: u8,
    pub(super) step: String,
    /// The address or the node that it is about.
    pub(super) about: Option<String>,
}

fn said(text: &str, node: u8, fault: SystemTime) -> Vec<Said> {
    let said = |line: Line| {
        Some(Said {
            after: line.at.duration_since(fault).ok()?,
            node,
            step: line.step,
            about: line.address.or(line.peer),
        })
    };
    text.lines().filter_map(line).filter_map(said).collect()
}

/// The log of a plain process, and those of pods, which their node keeps.
fn logs(lab: &Lab, node: u8) -> Vec<PathBuf> {
    let below = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let pods = below(&lab.state().node_logs(node).join("pods"));
    let speakers = pods.iter().filter(|pod| {
        pod.file_name()
            .is_some_and(|name| name.to_string_lossy().contains("speaker"))
    });
    let containers = speakers.flat_map(|pod| below(pod));
    let files = containers.flat_map(|container| below(&container));
    files
        .chain([lab.state().log(&format!("speaker-n{node}"))])
        .collect()
}

fn tail(path: &Path, from: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first steps after the fault. A line that names another address is not about this one.
fn steps(text: &str, address: &str, fault: SystemTime) -> Steps {
    let mut found = Steps::default();
    for line in text.lines().filter_map(line) {
        let about = line.address.is_none_or(|about| about == address);
        let Ok(after) = line.at.duration_since(fault) else {
            continue;
        };
        match line.step.as_str() {
            "detect" if about => found.detected = found.detected.or(Some(after)),
            "claim" if about => found.claimed = found.claimed.or(Some(after)),
            _ => {}
        }
    }
    found
}

/// A step that a speaker tells of.
pub(super) struct Line {
    pub(super) at: SystemTime,
    pub(super) step: String,
    pub(super) address: Option<String>,
    pub(super) peer: Option<String>,
}

/// A line of a container's log has the kubelet's own time and stream before it.
fn line(text: &str) -> Option<Line> {
    match text.find('{') {
        Some(begin) => json_line(&text[begin..]).or_else(|| text_line(text)),
        None => text_line(text),
    }
}

fn json_line(text: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| value[name].as_str().map(str::to_owned);
    (field("event")? == EVENT).then_some(())?;
    Some(Line {
        at: moment(&field("timestamp")?)?,
        step: field("step")?,
        address: field("address"),
        peer: field("node"),
    })
}

fn text_line(text: &str) -> Option<Line> {
    let field = |name: &str| {
        let value = text
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches('"').to_owned())
    };
    (field("event")? == EVENT).then_some(())?;
    // the speaker's own time is the last before its words
    let at = text.split_whitespace().take(4).filter_map(moment).last()?;
    Some(Line {
        at,
        step: field("step")?,
        address: field("address"),
        peer: field("node"),
    })
}

/// RFC 3339.
fn moment(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const PLAIN: &str = r#"{"timestamp":"2026-01-01T00:00:00.300000Z","level":"INFO","message":"m","event":"segment","step":"detect","target":"t"}
{"timestamp":"2026-01-01T00:00:00.360000Z","level":"INFO","event":"segment","step":"claim","address":"192.0.2.1"}
{"timestamp":"2026-01-01T00:00:00.400000Z","level":"INFO","event":"segment","step":"claim","address":"192.0.2.249"}
"#;
    const OF_A_POD: &str = r#"2026-01-01T00:00:09.3Z stderr F {"timestamp":"2026-01-01T00:00:00.3Z","event":"segment","step":"detect"}
2026-01-01T00:00:09.4Z stderr F {"timestamp":"2026-01-01T00:00:00.4Z","event":"segment","step":"claim","address":"192.0.2.249"}
"#;
    const TEXT: &str = r#"2026-01-01T00:00:00.3Z  INFO ferrolb_speaker: m event="segment" step="detect"
2026-01-01T00:00:00.4Z  INFO ferrolb_speaker: m event=segment step=claim address=192.0.2.249
"#;

    #[rstest]
    #[case::plain(PLAIN)]
    #[case::of_a_pod(OF_A_POD)]
    #[case::text(TEXT)]
    fn the_steps_of_the_speaker_are_counted_from_the_fault(#[case] log: &str) {
        let fault = moment("2026-01-01T00:00:00Z").unwrap();
        let expected = Steps {
            detected: Some(Duration::from_millis(300)),
            claimed: Some(Duration::from_millis(400)),
        };
        assert_eq!(steps(log, "192.0.2.249", fault), expected);
    }

    #[test]
    fn all_steps_name_what_they_are_about() {
        let fault = moment("2026-01-01T00:00:00Z").unwrap();
        let text = "2026-01-01T00:00:00.3Z  INFO a: m event=\"segment\" step=\"detect\" node=n3\n";
        let expected = Said {
            after: Duration::from_millis(300),
            node: 2,
            step: "detect".into(),
            about: Some("n3".into()),
        };
        assert_eq!(said(text, 2, fault), [expected]);
    }

    #[test]
    fn what_was_said_before_the_fault_does_not_count() {
        let fault = moment("2026-01-01T00:00:01Z").unwrap();
        assert_eq!(steps(PLAIN, "192.0.2.249", fault), Steps::default());
    }

    #[test]
    fn other_lines_say_nothing() {
        let fault = moment("2026-01-01T00:00:00Z").unwrap();
        let other = "2026-01-01T00:00:00.3Z  INFO a {b} step=\"detect\"\nnonsense\n{}\n";
        assert_eq!(steps(other, "192.0.2.249", fault), Steps::default());
    }
}
