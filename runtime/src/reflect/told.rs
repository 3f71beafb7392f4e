//! Which problems were told: each once, for as long as it lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Problem;

/// Problems of one kind; by default each is told at once.
#[derive(Debug, Default)]
pub struct Told {
    /// A problem that is over sooner is told to nobody.
    patience: Duration,
    /// When each of those that are there is to be told; none once it was.
    due: BTreeMap<String, Option<Instant>>,
}

impl Told {
    /// None is told yet.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        Self {
            patience,
            due: BTreeMap::new(),
        }
    }

    /// Those of all that are there which are to be told now.
    pub fn news<'a>(&mut self, problems: &'a [Problem], now: Instant) -> Vec<&'a Problem> {
        let mut before = std::mem::take(&mut self.due);
        let mut is_news = |problem: &&Problem| {
            let text = problem.to_string();
            let known = before.remove(&text).or_else(|| self.due.get(&text).copied());
            let due = known.unwrap_or(Some(now + self.patience));
            let waits = due.filter(|due| *due > now);
            self.due.insert(text, waits);
            due.is_some() && waits.is_none()
        };
        problems.iter().filter(|problem| is_news(problem)).collect()
    }

    /// When the next is to be told if it lasts.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.due.values().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn problems(messages: &[&str]) -> Vec<Problem> {
        let object = Namespace::default();
        messages
            .iter()
            .map(|message| Problem::of(&object, message))
            .collect()
    }

    #[test]
    fn a_problem_that_is_over_soon_is_told_to_nobody() {
        let (mut told, now) = (Told::after(PATIENCE), Instant::now());
        assert!(told.news(&problems(&["transient"]), now).is_empty());
        assert_eq!(told.next(), Some(now + PATIENCE));
        assert!(told.news(&[], now + PATIENCE / 2).is_empty());
        assert_eq!(told.next(), None);
        assert!(
            told.news(&problems(&["transient"]), now + PATIENCE).is_empty(),
            "it begins anew"
        );
    }

    #[test]
    fn problems_of_the_same_words_are_told_once() {
        let (mut told, now) = (Told::default(), Instant::now());
        let twice = problems(&["same", "same"]);
        assert_eq!(told.news(&twice, now), [&twice[0]]);
        assert!(told.news(&twice, now).is_empty());
    }

    #[test]
    fn a_problem_that_lasts_is_told_once_and_again_when_it_comes_back() {
        let (mut told, now) = (Told::after(PATIENCE), Instant::now());
        let lasting = problems(&["lasting"]);
        assert!(told.news(&lasting, now).is_empty());
        assert_eq!(told.news(&lasting, now + PATIENCE), [&lasting[0]]);
        assert_eq!(told.next(), None);
        assert!(told.news(&lasting, now + PATIENCE * 2).is_empty());
        assert!(told.news(&[], now + PATIENCE * 3).is_empty());
        let mut at_once = Told::after(Duration::ZERO);
        for _ in 0..2 {
            assert_eq!(at_once.news(&lasting, now), [&lasting[0]]);
            assert!(at_once.news(&[], now).is_empty());
        }
    }
}
