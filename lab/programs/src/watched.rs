//! Runs a builder whose chatter matters only if it fails.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::error::{Doing, Error, Result};

/// How many of the last lines of a failed build are shown.
const SHOWN: usize = 60;
const FETCHING: &str = "go: downloading ";

/// Runs it; `line` gets what it says on standard error as it comes, of which a failure shows the end. Returns its standard
/// output.
pub(crate) fn run(command: &mut Command, mut line: impl FnMut(&str)) -> Result<String> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing(|| format!("start {shown}"))?;
    let output = child.stdout.take().expect("standard output is piped");
    let output = std::thread::spawn(move || std::io::read_to_string(output));
    let mut last = VecDeque::new();
    for said in BufReader::new(child.stderr.take().expect("standard error is piped"))
        .lines()
        .map_while(std::io::Result::ok)
    {
        if said.starts_with(FETCHING) {
            continue;
        }
        line(&said);
        if last.len() == SHOWN {
            last.pop_front();
        }
        last.push_back(said);
    }
    let status = child.wait().doing(|| format!("wait for {shown}"))?;
    if !status.success() {
        return Err(Error::Command {
            command: shown,
            status: status.to_string(),
            output: last.into_iter().collect::<Vec<_>>().join("\n"),
        });
    }
    output
        .join()
        .unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))
        .doing(|| format!("read what {shown} printed"))
}
