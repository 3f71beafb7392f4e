//! The page: steps with commands and what they print.

use std::fs;
use std::path::Path;

use crate::error::{Doing, Result};

const BLOCK: &str = "```console";
const END: &str = "```";

/// What of kubectl changes the cluster, so that it is said once.
const DEEDS: [&str; 14] = [
    "apply", "annotate", "cordon", "create", "delete", "drain", "label", "patch", "replace", "rollout",
    "scale", "uncordon", "wait", "run",
];

/// A page with commands in blocks of kind `console`, under headings `## 1. TITLE`.
#[derive(Debug, Clone)]
pub struct Page {
    text: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// What stands under one numbered heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From 1.
    pub number: u8,
    /// The heading without the number.
    pub title: String,
    /// In order.
    pub commands: Vec<Shown>,
}

/// A command and its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Without the prompt; it may go over several lines.
    pub command: String,
    /// Without a line feed at the end.
    pub output: String,
    /// The lines of the output, from 0.
    lines: (usize, usize),
}

impl Shown {
    /// The same command with this output.
    pub(super) fn with(&self, output: String) -> Self {
        Self {
            output,
            ..self.clone()
        }
    }

    /// Whether asking it twice changes nothing: whatever is no deed.
    #[must_use]
    pub fn is_question(&self) -> bool {
        let mut words = self.command.split_whitespace();
        let program = words.next();
        match program {
            Some("kubectl") => !words.next().is_some_and(|verb| DEEDS.contains(&verb)),
            Some("ferrolb-lab" | "openssl" | "helm") => false,
            _ => true,
        }
    }
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).doing(|| format!("read {}", path.display()))?;
        Ok(Self::parse(text))
    }

    fn parse(text: String) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut in_block = false;
        for (at, line) in text.lines().enumerate() {
            if let Some((number, title)) = heading(line) {
                steps.push(Step {
                    number,
                    title: title.to_owned(),
                    commands: Vec::new(),
                });
                continue;
            }
            in_block = if in_block { line != END } else { line == BLOCK };
            if let Some(step) = steps.last_mut()
                && in_block
                && line != BLOCK
            {
                add(&mut step.commands, at, line);
            }
        }
        Self { text, steps }
    }

    /// The page with these outputs in place of its own.
    #[must_use]
    pub fn with(&self, seen: &[Shown]) -> String {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        for shown in seen.iter().rev() {
            let output = shown.output.lines().map(str::to_owned);
            lines.splice(shown.lines.0..shown.lines.1, output);
        }
        lines.join("\n") + "\n"
    }
}

fn add(commands: &mut Vec<Shown>, at: usize, line: &str) {
    if let Some(command) = line.strip_prefix("$ ") {
        commands.push(Shown {
            command: command.to_owned(),
            output: String::new(),
            lines: (at + 1, at + 1),
        });
        return;
    }
    let Some(last) = commands.last_mut() else { return };
    last.lines.1 = at + 1;
    if last.output.is_empty() && last.command.ends_with('\\') {
        last.command = format!("{}\n{line}", last.command);
        last.lines.0 = at + 1;
        return;
    }
    if last.lines.0 < at {
        last.output.push('\n');
    }
    last.output.push_str(line);
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let (number, title) = line.strip_prefix("## ")?.split_once(". ")?;
    Some((number.parse().ok()?, title))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Tour\n\n## 1. One\n\n```console\n$ kubectl get \\\n    pods\na\nb\n$ curl x\n```\n\n## 2. Two\n\n```yaml\n$ no\n```\n\n```console\n$ kubectl apply -f y\ndone\n```\n";

    #[test]
    fn a_step_has_its_commands_with_their_outputs() {
        let page = Page::parse(TEXT.to_owned());
        let [one, two] = &page.steps[..] else { panic!() };
        assert_eq!((one.number, one.title.as_str()), (1, "One"));
        let said: Vec<_> = one
            .commands
            .iter()
            .map(|one| (one.command.as_str(), one.output.as_str()))
            .collect();
        assert_eq!(said, [("kubectl get \\\n    pods", "a\nb"), ("curl x", "")]);
        assert_eq!(two.commands.len(), 1);
    }

    #[test]
    fn deeds_are_not_done_twice() {
        let page = Page::parse(TEXT.to_owned());
        assert!(page.steps[0].commands.iter().all(Shown::is_question));
        assert!(!page.steps[1].commands[0].is_question());
    }

    #[test]
    fn a_page_with_its_own_outputs_is_the_same_page() {
        let page = Page::parse(TEXT.to_owned());
        let own: Vec<Shown> = page.steps.iter().flat_map(|step| step.commands.clone()).collect();
        assert_eq!(page.with(&own), TEXT);
    }

    #[test]
    fn another_output_takes_the_place_of_the_first() {
        let page = Page::parse(TEXT.to_owned());
        let mut own: Vec<Shown> = page.steps.iter().flat_map(|step| step.commands.clone()).collect();
        own[0].output = "c".to_owned();
        own[1].output = "d\ne".to_owned();
        assert!(page.with(&own).contains("pods\nc\n$ curl x\nd\ne\n```"));
    }
}
