//! What a program under test wrote, from the API server's audit log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;

use crate::error::{Doing, Result};
use crate::wait;

/// After so long without a write, whatever trails has been written.
const QUIET: Duration = Duration::from_secs(2);
const SETTLING: Duration = Duration::from_secs(120);

/// One request that was meant to change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    /// As in RBAC: `patch`, `update`, `create` and so on.
    pub(crate) verb: String,
    /// As in RBAC: `services/status`.
    pub(crate) resource: String,
    pub(crate) name: String,
    /// HTTP status of the answer.
    pub(crate) code: u16,
    /// When the API server received it, by this machine's clock.
    pub(crate) received: Option<SystemTime>,
}

impl Write {
    /// What it did to what: `patch services/status`; a refused one also says so.
    pub(crate) fn kind(&self) -> String {
        let Self {
            verb, resource, code, ..
        } = self;
        let refused = if *code < 300 {
            String::new()
        } else {
            format!(" ({code})")
        };
        format!("{verb} {resource}{refused}")
    }

    pub(crate) fn is_a_sign_of_life(&self) -> bool {
        self.resource == "leases"
    }
}

/// The audit log, as far as it was read.
pub(crate) struct AuditLog {
    path: PathBuf,
    user: String,
    offset: u64,
    /// The beginning of a line whose end was not written yet.
    rest: String,
    /// All writes of the user so far.
    pub(crate) writes: Vec<Write>,
}

impl AuditLog {
    /// Everything that `user` writes.
    pub(crate) fn of(user: String, path: PathBuf) -> Self {
        Self {
            path,
            user,
            offset: 0,
            rest: String::new(),
            writes: Vec::new(),
        }
    }

    /// Takes in what was logged since.
    pub(crate) fn read(&mut self) -> Result<()> {
        let mut news = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.read_to_end(&mut news)
        });
        let length = read.doing(|| format!("read {}", self.path.display()))?;
        self.offset += u64::try_from(length).expect("a length");
        self.rest.push_str(&String::from_utf8_lossy(&news));
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        self.writes
            .extend(lines.lines().filter_map(|line| write_of(&self.user, line)));
        Ok(())
    }

    /// Waits until the user has written nothing for a while, leases aside.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let (mut last, mut count) = (Instant::now(), usize::MAX);
        wait::until("the writes to end", SETTLING, || {
            self.read()?;
            let now = self
                .writes
                .iter()
                .filter(|write| !write.is_a_sign_of_life())
                .count();
            if now != count {
                (last, count) = (Instant::now(), now);
            }
            Ok((last.elapsed() >= QUIET).then_some(()))
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    stage: String,
    verb: String,
    user: User,
    object_ref: Option<Object>,
    response_status: Option<Status>,
    request_received_timestamp: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct Object {
    resource: Option<String>,
    subresource: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    code: Option<u16>,
}

fn write_of(user: &str, line: &str) -> Option<Write> {
    let event: Event = serde_json::from_str(line).ok()?;
    let changes = !["get", "list", "watch"].contains(&event.verb.as_str());
    if !changes || event.stage != "ResponseComplete" || event.user.username != user {
        return None;
    }
    let object = event.object_ref?;
    let resource = object.resource?;
    Some(Write {
        verb: event.verb,
        resource: match object.subresource {
            Some(part) => format!("{resource}/{part}"),
            None => resource,
        },
        name: object.name.unwrap_or_default(),
        code: event.response_status.and_then(|status| status.code).unwrap_or(0),
        received: event.request_received_timestamp.map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;
    use std::io::Write as _;

    fn line(verb: &str, user: &str, stage: &str) -> String {
        json!({
            "kind": "Event", "stage": stage, "verb": verb, "user": {"username": user},
            "objectRef": {"resource": "services", "subresource": "status", "name": "a"},
            "responseStatus": {"code": 409}, "requestReceivedTimestamp": "2026-01-01T00:00:00.123456Z",
        })
        .to_string()
    }

    #[test]
    fn a_write_says_what_it_did_to_what() {
        let write = write_of("me", &line("patch", "me", "ResponseComplete")).unwrap();
        assert_eq!(
            (write.kind().as_str(), write.name.as_str()),
            ("patch services/status (409)", "a")
        );
        let received = write.received.unwrap().duration_since(SystemTime::UNIX_EPOCH);
        assert_eq!(received.unwrap().subsec_micros(), 123_456);
    }

    #[rstest]
    #[case("list", "me", "ResponseComplete")]
    #[case("watch", "me", "ResponseComplete")]
    #[case("patch", "you", "ResponseComplete")]
    #[case("patch", "me", "ResponseStarted")]
    fn what_others_do_and_what_changes_nothing_is_no_write(
        #[case] verb: &str,
        #[case] user: &str,
        #[case] stage: &str,
    ) {
        assert_eq!(write_of("me", &line(verb, user, stage)), None);
    }

    #[test]
    fn a_line_counts_once_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut log = AuditLog::of("me".into(), file.path().to_owned());
        let text = line("patch", "me", "ResponseComplete") + "\n";
        let (first, second) = text.split_at(20);
        file.write_all(first.as_bytes()).unwrap();
        log.read().unwrap();
        assert_eq!(log.writes.len(), 0);
        file.write_all(second.as_bytes()).unwrap();
        log.read().unwrap();
        log.read().unwrap();
        assert_eq!(log.writes.len(), 1);
    }
}
