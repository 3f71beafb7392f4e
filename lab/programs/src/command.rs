//! Runs other programs, each with a deadline.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::error::{Doing, Error, Result};

/// How long a program may take when nothing else is said.
pub const USUAL: Duration = Duration::from_secs(60);

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs the command and returns its standard output.
///
/// # Errors
/// [`Error::Command`] with both outputs if it fails, [`Error::Late`] if it takes longer than `within` (it is killed).
pub fn text(command: &mut Command, within: Duration) -> Result<String> {
    text_with_input(command, "", within)
}

/// As [`text`], with `input` as the command's standard input.
///
/// # Errors
/// As [`text`].
pub fn text_with_input(command: &mut Command, input: &str, within: Duration) -> Result<String> {
    let outcome = outcome(command, input, within)?;
    if outcome.status.success() {
        return Ok(outcome.stdout);
    }
    Err(Error::Command {
        command: line(command),
        status: outcome.status.to_string(),
        output: format!("{}{}", outcome.stdout, outcome.stderr),
    })
}

/// Runs the command to its end, whatever that is.
///
/// # Errors
/// [`Error::Io`] if it cannot be started, [`Error::Late`] if it takes longer than `within` (it is killed).
pub fn outcome(command: &mut Command, input: &str, within: Duration) -> Result<Outcome> {
    let deadline = Instant::now() + within;
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing(|| format!("start `{}`", line(command)))?;
    let stdout = read_aside(child.stdout.take().expect("standard output is piped"));
    let stderr = read_aside(child.stderr.take().expect("standard error is piped"));
    if let Some(mut pipe) = child.stdin.take() {
        // a program that does not read its input says why by its exit status
        let _ = pipe.write_all(input.as_bytes());
    }
    let ended = (before(&stdout, deadline), before(&stderr, deadline));
    let (Some(stdout), Some(stderr)) = ended else {
        return Err(overdue(&mut child, command, within));
    };
    let status = child.wait().doing(|| format!("wait for `{}`", line(command)))?;
    Ok(Outcome {
        status,
        stdout,
        stderr,
    })
}

fn overdue(child: &mut Child, command: &Command, within: Duration) -> Error {
    // either may fail only because it has ended by now
    let _ = child.kill();
    let _ = child.wait();
    Error::Late {
        what: format!("`{}` to end", line(command)),
        waited: within,
        seen: String::new(),
    }
}

fn read_aside(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

fn before(text: &Receiver<String>, deadline: Instant) -> Option<String> {
    text.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .ok()
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_failed_command_is_in_the_error() {
        let failed = text(
            Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]),
            USUAL,
        )
        .unwrap_err();
        let told = failed.to_string();
        assert!(
            told.contains("out") && told.contains("err") && told.contains('3'),
            "{told}"
        );
    }

    #[test]
    fn input_reaches_the_command() {
        assert_eq!(
            text_with_input(&mut Command::new("cat"), "hello", USUAL).unwrap(),
            "hello"
        );
    }

    #[test]
    fn a_command_that_hangs_is_killed_at_its_deadline() {
        let hung = text(Command::new("sleep").arg("1000"), Duration::from_millis(1)).unwrap_err();
        assert!(matches!(hung, Error::Late { .. }), "{hung}");
    }
}
