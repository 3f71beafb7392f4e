//! What the API server said of tokens, for a short while and never of many.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Answer;

/// How long a right lasts after it was taken away, at most.
const ALLOWED: Duration = Duration::from_secs(60);
/// Shorter: a right that was just given should work soon.
const REFUSED: Duration = Duration::from_secs(10);
/// How many answers are kept.
const MOST: usize = 64;

/// The sha256 of a token; the token itself is not kept.
pub(super) type Key = [u8; 32];

/// Answers, and until when they count.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<Key, (Answer, Instant)>);

impl Answers {
    /// What was said of a token, if that still counts.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Answer> {
        let (answer, until) = self.0.get(key)?;
        (now < *until).then_some(*answer)
    }

    /// Keeps an answer. Where there are too many, the one that ends first makes room: whoever sends many bad tokens does
    /// not drive out a good one.
    pub(super) fn add(&mut self, key: Key, answer: Answer, now: Instant) {
        self.0.retain(|_, (_, until)| now < *until);
        let lasts = match answer {
            Answer::Allowed => ALLOWED,
            Answer::Forbidden | Answer::Unknown => REFUSED,
        };
        self.0.insert(key, (answer, now + lasts));
        while self.0.len() > MOST
            && let Some(first) = self.0.iter().min_by_key(|(_, (_, until))| *until)
        {
            let first = *first.0;
            self.0.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        [number; 32]
    }

    #[test]
    fn an_answer_counts_for_a_while() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        answers.add(key(1), Answer::Allowed, now);
        answers.add(key(2), Answer::Forbidden, now);
        assert_eq!(answers.get(&key(1), now + REFUSED), Some(Answer::Allowed));
        assert_eq!(answers.get(&key(1), now + ALLOWED), None);
        assert_eq!(answers.get(&key(2), now), Some(Answer::Forbidden));
        assert_eq!(answers.get(&key(2), now + REFUSED), None);
    }

    #[test]
    fn many_bad_tokens_drive_out_no_good_one_and_do_not_grow() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        answers.add(key(0), Answer::Allowed, now);
        for number in 1..=u8::MAX {
            answers.add(key(number), Answer::Unknown, now);
        }
        assert_eq!(answers.get(&key(0), now), Some(Answer::Allowed));
        assert_eq!(answers.0.len(), MOST);
    }
}
