//! What `ferrolb doctor` answers.

use std::time::Duration;

use ferrolb_lab::{Found, Lab, Result, wait};
use serde_json::{Deserializer, Value};

use crate::scene::SOON;

/// The speaker of a dead node is waited for once, ten seconds, and there are six looks a second apart; twice that.
const LONGEST: Duration = Duration::from_secs(30);

/// The exit code and the answer.
pub(crate) fn doctor(lab: &Lab, more: &[&str]) -> Result<(Option<i32>, Value)> {
    let arguments = [&["doctor", "-o", "json"], more].concat();
    let Found { code, text, .. } = lab.ferrolb_finds(&arguments, LONGEST)?;
    // What it says on standard error follows.
    let answer = Deserializer::from_str(&text).into_iter::<Value>().next();
    Ok((
        code,
        answer
            .and_then(std::result::Result::ok)
            .unwrap_or(Value::String(text)),
    ))
}

/// All findings, each as `FD01 Object: message`.
pub(crate) fn lines(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sections = answer["checks"].as_array().into_iter().flatten();
    let of = |section: &Value| {
        let findings = section["findings"].as_array().cloned().unwrap_or_default();
        let number = text(&section["check"]);
        let line = move |one: Value| format!("{number} {}: {}", text(&one["object"]), text(&one["message"]));
        findings.into_iter().map(line)
    };
    sections.flat_map(of).collect()
}

/// Waits until it finds all of these, with this exit code.
pub(crate) fn until_found(lab: &Lab, code: i32, expected: &[String]) -> Result<()> {
    wait::until_seen(&format!("doctor to find {expected:?}"), SOON * 2, || {
        finds(lab, code, expected)
    })
}

/// Whether it finds all of these now, with this exit code; what it finds instead.
pub(crate) fn finds(lab: &Lab, code: i32, expected: &[String]) -> Result<std::result::Result<(), String>> {
    let (ended, answer) = doctor(lab, &[])?;
    let found = lines(&answer);
    let all = expected
        .iter()
        .all(|line| found.iter().any(|one| one.starts_with(line)));
    let nothing_else = !expected.is_empty() || answer["checks"] == Value::Array(Vec::new());
    Ok(if ended == Some(code) && all && nothing_else {
        Ok(())
    } else {
        Err(format!("{ended:?}: {found:?}, not {expected:?}"))
    })
}
