//! A client that asks through the address every 2 ms, and notes which of its questions were answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Doing, Result};
use crate::lab::Lab;

const PACE: Duration = Duration::from_millis(2);
/// An answer that comes later does not count: what waited in a queue while nobody served was not served.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Questions under way, until it is dropped.
pub(super) struct Stream {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Question {
    sent: Instant,
    answered: bool,
}

#[derive(Default)]
struct Shared {
    questions: Mutex<Vec<Question>>,
    over: AtomicBool,
}

impl Stream {
    /// Starts to ask from the first client, whose kernel finds the holder as for any program.
    pub(super) fn start(lab: &Lab, address: IpAddr, port: u16) -> Result<Self> {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let target = SocketAddr::new(address, port);
        let opened = lab.in_client(|| {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(target)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            let same = socket.try_clone()?;
            Ok::<_, std::io::Error>((socket, same))
        })?;
        let (asking, hearing) = opened.doing(|| format!("ask {target} over UDP"))?;
        let shared = Arc::new(Shared::default());
        let (asks, hears) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::spawn(move || asks.ask(&asking)),
            thread::spawn(move || hears.hear(&hearing)),
        ];
        Ok(Self { shared, threads })
    }

    /// When the answered questions were asked.
    pub(super) fn answered(&self) -> Vec<Instant> {
        let questions = self.shared.questions.lock();
        let questions = questions.unwrap_or_else(PoisonError::into_inner);
        questions
            .iter()
            .filter(|question| question.answered)
            .map(|question| question.sent)
            .collect()
    }

    /// How many questions asked between these two times were not answered.
    pub(super) fn unanswered(&self, since: Instant, until: Instant) -> usize {
        let questions = self.shared.questions.lock();
        let questions = questions.unwrap_or_else(PoisonError::into_inner);
        let lost = |one: &&Question| !one.answered && one.sent >= since && one.sent < until;
        questions.iter().filter(lost).count()
    }

    /// True if questions asked since then are answered, and lately all were for as long as `during`; the newest may
    /// still wait for their answers.
    pub(super) fn flows(&self, since: Instant, during: Duration) -> bool {
        let lately = Instant::now().checked_sub(2 * during).unwrap_or(since);
        let since = since.max(lately);
        let answered: Vec<Instant> = self
            .answered()
            .into_iter()
            .rev()
            .take_while(|sent| *sent >= since)
            .collect();
        let (Some(newest), Some(oldest)) = (answered.first(), answered.last()) else {
            return false;
        };
        let gapless = answered.windows(2).all(|pair| pair[0] - pair[1] < PATIENCE);
        gapless && newest.elapsed() < PATIENCE && *newest - *oldest >= during
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn ask(&self, socket: &UdpSocket) {
        let mut next = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            let number = self.note();
            // while nobody serves, the kernel may refuse: then nobody answers
            let _ = socket.send(number.to_string().as_bytes());
            next = Instant::now().max(next + PACE);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn note(&self) -> usize {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.push(Question {
            sent: Instant::now(),
            answered: false,
        });
        questions.len() - 1
    }

    fn hear(&self, socket: &UdpSocket) {
        let mut buffer = [0; 2048];
        while !self.over.load(Ordering::Relaxed) {
            let heard = socket.recv(&mut buffer).ok();
            let Some(number) = heard.and_then(|length| number(&buffer[..length])) else {
                continue;
            };
            let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(question) = questions.get_mut(number) {
                question.answered |= question.sent.elapsed() <= PATIENCE;
            }
        }
    }
}

/// The question below the echo's line.
fn number(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).ok()?;
    text.split_once('\n')?.1.parse().ok()
}

/// The longest time between two answered questions, or from the last one to the end, from the last one before the
/// fault on.
pub(super) fn outage(answered: &[Instant], fault: Instant, end: Instant) -> Duration {
    let before = answered.iter().rposition(|sent| *sent <= fault).unwrap_or(0);
    let times = answered[before.min(answered.len())..]
        .iter()
        .filter(|sent| **sent < end);
    let times: Vec<Instant> = times.copied().chain([end]).collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_else(|| end.saturating_duration_since(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, milliseconds: &[u64]) -> Vec<Instant> {
        milliseconds
            .iter()
            .map(|ms| start + Duration::from_millis(*ms))
            .collect()
    }

    fn gap(answered: &[u64], fault: u64, end: u64) -> u64 {
        let start = Instant::now();
        let times = at(start, &[fault, end]);
        let gap = outage(&at(start, answered), times[0], times[1]);
        gap.as_millis().try_into().unwrap()
    }

    #[test]
    fn the_outage_is_the_longest_gap_around_the_fault() {
        assert_eq!(gap(&[0, 2, 4, 304, 306], 5, 308), 300);
        assert_eq!(
            gap(&[0, 2, 4, 6, 8, 308, 310], 5, 312),
            300,
            "it took effect later"
        );
    }

    #[test]
    fn a_gap_before_the_fault_does_not_count() {
        assert_eq!(gap(&[0, 500, 502, 504, 506], 503, 508), 2);
    }

    #[test]
    fn without_an_answer_the_outage_lasts_to_the_end() {
        assert_eq!(gap(&[0, 2], 3, 1003), 1001);
        assert_eq!(gap(&[], 3, 1003), 1000);
    }

    #[test]
    fn an_answer_gives_the_question_back() {
        assert_eq!(number(b"pod=p node= from=192.0.2.1:7\n42"), Some(42));
        assert_eq!(number(b"pod=p node= from=192.0.2.1:7\n"), None);
    }
}
