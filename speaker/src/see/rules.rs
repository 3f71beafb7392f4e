//! Whether the kube-proxies of nodes have written rules for the endpoints that a Service of policy Local has there.
//!
//! kube-proxy tells it at `healthCheckNodePort` of the Service: 200 once there are rules for a ready endpoint on its node, and 503 before.
//! Each of its families has a port of its own, at the addresses of the node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use ferrolb_crds::domain::{Family, NodeName, ServiceKey};
use ferrolb_runtime::dirty::Dirty;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::newest::send_if_other;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::kube_proxy::{self, Answer};

/// Between two times that all are asked who have not said yes.
const EVERY: Duration = Duration::from_millis(100);
/// How many are asked at once.
const AT_ONCE: usize = 16;
const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// Whether the rules of a node for a Service are written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Question {
    pub(super) service: ServiceKey,
    pub(super) node: NodeName,
    /// Of each family that counts one at least.
    pub(super) at: Vec<SocketAddr>,
}

impl Question {
    /// Whether they are, in all families; none if nobody says. Of several addresses of one family kube-proxy need not listen at all
    /// (`nodePortAddresses`).
    async fn ask(&self) -> Option<bool> {
        let answers = stream::iter(&self.at)
            .then(async |at| (Family::of(at.ip()), kube_proxy::ask(*at, REQUEST).await))
            .collect::<Vec<_>>()
            .await;
        let any = |family: Family, answer: Answer| answers.contains(&(family, answer));
        let of_family = |(family, _): &(Family, Answer)| match any(*family, Answer::Well) {
            true => Some(true),
            false => any(*family, Answer::Unwell).then_some(false),
        };
        let all: Option<Vec<bool>> = answers.iter().map(of_family).collect();
        Some(!all?.contains(&false))
    }
}

/// What kube-proxies said last. Of those that do not answer there is nothing.
pub(crate) type Said = BTreeMap<Question, bool>;

/// Asks what it is asked to, until the answer is yes.
pub(crate) struct RulesReader {
    questions: watch::Sender<BTreeSet<Question>>,
    said: watch::Receiver<Said>,
}

impl RulesReader {
    /// Starts to ask, in a task of its own that ends with the reader. What is answered with yes marks `dirty`.
    pub(crate) fn start(dirty: Dirty) -> Self {
        let (questions, wanted) = watch::channel(BTreeSet::new());
        let (answers, said) = watch::channel(Said::new());
        tokio::spawn(follow(wanted, answers, dirty));
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

async fn follow(mut wanted: watch::Receiver<BTreeSet<Question>>, said: watch::Sender<Said>, dirty: Dirty) {
    loop {
        let questions = wanted.borrow_and_update().clone();
        said.send_modify(|said| said.retain(|question, _| questions.contains(question)));
        let is_open = |question: &Question| said.borrow().get(question) != Some(&true);
        let open: Vec<Question> = questions.into_iter().filter(is_open).collect();
        let again = (!open.is_empty()).then(|| Instant::now() + EVERY);
        let asked = stream::iter(open).map(|question| async { (question.ask().await, question) });
        let mut answers = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
        while let Some((answer, question)) = answers.next().await {
            said.send_modify(|said| {
                match answer {
                    Some(is_written) => said.insert(question, is_written),
                    None => said.remove(&question),
                };
            });
            if answer == Some(true) {
                dirty.mark();
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = at(again) => {}
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
            at: at.to_vec(),
        }
    }

    #[tokio::test]
    async fn it_asks_until_the_rules_are_written_and_says_so_once() {
        let is_written = Arc::default();
        let question = question(&[proxy(&is_written).await]);
        let (dirty, mut wakes) = ferrolb_runtime::dirty::channel();
        let reader = RulesReader::start(dirty);
        reader.want([question.clone()].into());
        while reader.said() != [(question.clone(), false)].into() {
            sleep(EVERY).await;
        }
        is_written.store(true, Ordering::Relaxed);
        wakes.wait().await;
        assert_eq!(reader.said(), [(question, true)].into());
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
