//! Whether the kube-proxies of nodes have written rules for the endpoints that a Service of policy Local has there.
//!
//! kube-proxy tells it at `healthCheckNodePort` of the Service: 200 once there are rules for a ready endpoint on its node, and 503 before.
//! From Kubernetes 1.36 on each of its families answers at the addresses of that family; before, one of them answers for both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_crds::domain::{Family, NodeName, ServiceKey};
use ferrolb_runtime::dirty::Dirty;
use ferrolb_runtime::newest::send_if_other;
use futures::{StreamExt, future, stream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::kube_proxy::{self, Answer};

/// Between an answer that is no yes and the next time that is asked.
const EVERY: Duration = Duration::from_millis(100);
/// The same where nobody answered.
const EVERY_SILENT: Duration = Duration::from_millis(500);
/// How many are asked at once of this node, and of others.
const AT_ONCE: usize = 32;
const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// Whether the rules of a node for a Service are written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Question {
    pub(super) service: ServiceKey,
    pub(super) node: NodeName,
    /// When the node came to serve it.
    pub(super) since: Instant,
    /// Where its kube-proxy may answer: one address at least of each family that counts.
    pub(super) at: Vec<SocketAddr>,
}

/// What a kube-proxy said last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answered {
    pub(super) is_written: bool,
    pub(super) at: Instant,
}

/// What was answered so far.
pub(crate) type Said = BTreeMap<Question, Answered>;

/// What is known of the rules on this node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) here: &'a NodeName,
    pub(crate) said: &'a Said,
}

impl Question {
    /// Whether they are, in all families; none if nobody says.
    async fn ask(&self) -> Option<bool> {
        let families: BTreeSet<Family> = self.at.iter().map(|at| Family::of(at.ip())).collect();
        let answers = future::join_all(families.into_iter().map(|family| self.ask_family(family))).await;
        let all: Option<Vec<bool>> = answers.into_iter().collect();
        Some(!all?.contains(&false))
    }

    /// Of several addresses kube-proxy need not listen at all (`nodePortAddresses`).
    async fn ask_family(&self, family: Family) -> Option<bool> {
        let at = self.at.iter().filter(|at| Family::of(at.ip()) == family);
        let mut answers = at
            .map(|at| kube_proxy::ask(*at, REQUEST))
            .collect::<stream::FuturesUnordered<_>>();
        let mut said = None;
        while let Some(answer) = answers.next().await {
            match answer {
                Answer::Well => return Some(true),
                Answer::Unwell => said = Some(false),
                Answer::None | Answer::Other => {}
            }
        }
        said
    }
}

/// Asks what it is asked to, until the answer is yes.
pub(crate) struct RulesReader {
    questions: watch::Sender<BTreeSet<Question>>,
    said: watch::Receiver<Said>,
}

impl RulesReader {
    /// Starts to ask for this node, in a task of its own that ends with the reader. What is answered with yes marks `dirty`.
    pub(crate) fn start(here: NodeName, dirty: Dirty) -> Self {
        let (questions, mut wanted) = watch::channel(BTreeSet::new());
        let (to_said, said) = watch::channel(Said::new());
        let mut asking = Asking {
            here,
            permits: [0; 2].map(|_| Arc::new(Semaphore::new(AT_ONCE))),
            open: BTreeMap::new(),
            tasks: JoinSet::new(),
            said: to_said,
            dirty,
        };
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = wanted.changed() => match changed {
                        Ok(()) => asking.follow(&wanted.borrow_and_update()),
                        Err(_) => return,
                    },
                    Some(ended) = asking.tasks.join_next() => {
                        // Those that were aborted are wanted no more.
                        if let Ok((question, answer)) = ended {
                            asking.take(question, answer);
                        }
                    }
                }
            }
        });
        Self { questions, said }
    }

    /// Asks these and no others from now on.
    pub(crate) fn want(&self, questions: BTreeSet<Question>) {
        send_if_other(&self.questions, questions);
    }

    /// What was said.
    pub(crate) fn said(&self) -> Said {
        self.said.borrow().clone()
    }
}

/// The questions under way.
struct Asking {
    here: NodeName,
    /// Of other nodes, and of this one, which so never waits for those.
    permits: [Arc<Semaphore>; 2],
    open: BTreeMap<Question, AbortHandle>,
    tasks: JoinSet<(Question, Option<bool>)>,
    said: watch::Sender<Said>,
    dirty: Dirty,
}

impl Asking {
    fn follow(&mut self, wanted: &BTreeSet<Question>) {
        self.open.retain(|question, task| {
            let stays = wanted.contains(question);
            if !stays {
                task.abort();
            }
            stays
        });
        self.said
            .send_modify(|said| said.retain(|question, _| wanted.contains(question)));
        for question in wanted {
            let is_known = self.open.contains_key(question) || self.said.borrow().contains_key(question);
            if !is_known {
                self.ask(question.clone(), Duration::ZERO);
            }
        }
    }

    fn ask(&mut self, question: Question, after: Duration) {
        let permits = self.permits[usize::from(question.node == self.here)].clone();
        let asked = question.clone();
        let task = self.tasks.spawn(async move {
            sleep(after).await;
            let _permit = permits.acquire().await;
            let answer = asked.ask().await;
            (asked, answer)
        });
        self.open.insert(question, task);
    }

    fn take(&mut self, question: Question, answer: Option<bool>) {
        if self.open.remove(&question).is_none() {
            return;
        }
        if let Some(is_written) = answer {
            let at = Instant::now();
            self.said.send_modify(|said| {
                said.insert(question.clone(), Answered { is_written, at });
            });
        }
        match answer {
            Some(true) => self.dirty.mark(),
            Some(false) => self.ask(question, EVERY),
            None => self.ask(question, EVERY_SILENT),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    use super::*;

    /// Where somebody answers 200 once `is_written`, and 503 before.
    async fn proxy(is_written: &Arc<AtomicBool>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, is_written) = (listener.local_addr().unwrap(), is_written.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.read_exact(&mut vec![0; REQUEST.len()]).await.unwrap();
                let answer: &[u8] = match is_written.load(Ordering::Relaxed) {
                    true => b"HTTP/1.0 200 OK\r\n\r\n{\"localEndpoints\": 1}",
                    false => b"HTTP/1.0 503 Service Unavailable\r\n\r\n{\"localEndpoints\": 0}",
                };
                stream.write_all(answer).await.unwrap();
            }
        });
        at
    }

    fn question(at: &[SocketAddr]) -> Question {
        Question {
            service: ServiceKey::new("shop", "web"),
            node: "n1".into(),
            since: Instant::now(),
            at: at.to_vec(),
        }
    }

    #[tokio::test]
    async fn it_asks_until_the_rules_are_written_and_says_so_once() {
        let is_written = Arc::default();
        let question = question(&[proxy(&is_written).await]);
        let (dirty, mut wakes) = ferrolb_runtime::dirty::channel();
        let reader = RulesReader::start("n1".into(), dirty);
        reader.want([question.clone()].into());
        let said = || reader.said().get(&question).map(|answered| answered.is_written);
        while said() != Some(false) {
            sleep(EVERY).await;
        }
        is_written.store(true, Ordering::Relaxed);
        wakes.wait().await;
        assert_eq!(said(), Some(true));
        reader.want(BTreeSet::new());
        while !reader.said().is_empty() {
            sleep(EVERY).await;
        }
    }

    #[tokio::test]
    async fn of_one_family_one_address_is_enough_where_others_are_refused() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        for is_written in [true, false] {
            let open = proxy(&Arc::new(AtomicBool::new(is_written))).await;
            assert_eq!(question(&[closed, open]).ask().await, Some(is_written));
        }
        assert_eq!(question(&[closed]).ask().await, None);
    }
}
