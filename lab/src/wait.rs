//! The only place that polls: every wait of the lab is for a condition and has a deadline.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

const PAUSE: Duration = Duration::from_millis(30);

/// Asks until there is an answer. An error of `ask` ends the wait at once.
///
/// # Errors
/// [`Error::Late`], naming `what`, when there is no answer `within` the time.
pub fn until<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_seen(what, within, || Ok(ask()?.ok_or_else(String::new)))
}

/// As [`until`]; an `ask` that has no answer yet says what it saw instead, and the last such text is in the error.
///
/// # Errors
/// [`Error::Late`], naming `what`, when there is no answer `within` the time.
pub fn until_seen<T>(
    what: &str,
    within: Duration,
    ask: impl FnMut() -> Result<std::result::Result<T, String>>,
) -> Result<T> {
    until_at(PAUSE, what, within, ask)
}

/// As [`until_seen`], with a pause of this length between two questions: for what is measured.
pub(crate) fn until_at<T>(
    pause: Duration,
    what: &str,
    within: Duration,
    mut ask: impl FnMut() -> Result<std::result::Result<T, String>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match ask()? {
            Ok(answer) => return Ok(answer),
            Err(seen) if start.elapsed() >= within => {
                let seen = if seen.is_empty() {
                    seen
                } else {
                    format!("; last seen: {seen}")
                };
                return Err(Error::Late {
                    what: what.to_owned(),
                    waited: start.elapsed(),
                    seen,
                });
            }
            Err(_) => std::thread::sleep(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait() {
        let mut asked = 0;
        let answer = until("three", Duration::from_secs(60), || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer.unwrap(), 3);
    }

    #[test]
    fn a_late_condition_is_named_with_what_was_seen() {
        let late = until_seen::<()>("the moon", Duration::ZERO, || Ok(Err("a cloud".into()))).unwrap_err();
        let text = late.to_string();
        assert!(text.contains("the moon") && text.contains("a cloud"), "{text}");
    }

    #[test]
    fn an_error_ends_the_wait_at_once() {
        let refused = until::<()>("nothing", Duration::from_secs(60), || Error::refused("no"));
        assert_eq!(refused.unwrap_err().to_string(), "no");
    }
}
