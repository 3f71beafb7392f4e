//! The thin shell around [`Candidate`]: watches the Lease, sends its requests, publishes its leadership.

use std::time::Duration;

use ferrolb_crds::names::GIVEN_BACK;
use ferrolb_runtime::backoff::Jitter;
use ferrolb_runtime::idle::at;
use ferrolb_runtime::random;
use ferrolb_runtime::reflect::with_backoff;
use futures::future::{BoxFuture, FutureExt, OptionFuture};
use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::candidate::{Candidate, Next};
use super::record::{Outcome, Stamp, Write};
use super::{Leadership, Terms, clock, wire};

/// How long giving the Lease back may take. Who cannot lets it expire.
const RESIGN_TIMEOUT: Duration = Duration::from_secs(2);

/// An election in which this process stands. Dropping it leaves the election without giving the Lease back.
pub(crate) struct Election {
    /// Whether we lead. Changes at each renewal too, as `valid_until` does.
    pub(crate) leadership: watch::Receiver<Leadership>,
    /// What the next leader should know; goes with the next renewal. None leaves what is there.
    pub(crate) legacy: watch::Sender<Option<String>>,
    /// What was left there last.
    pub(crate) inherited: watch::Receiver<Option<String>>,
    resign: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Stands for election over one Lease, in a task of its own. Must be called inside a tokio runtime.
///
/// Needs the verbs get, list, watch, create and update on `leases` of `coordination.k8s.io` in `namespace`.
/// A Lease that is made goes with `owner`. `identity` must be unique to this process; see [`identity`].
pub(crate) fn stand(
    client: Client,
    namespace: &str,
    lease_name: &str,
    owner: Option<OwnerReference>,
    identity: String,
    terms: Terms,
) -> Election {
    let candidate = Candidate::new(identity.clone(), terms);
    let (told, leadership) = watch::channel(candidate.leadership());
    let (resign, resigned) = oneshot::channel();
    let (legacy, left) = watch::channel(None);
    let (found, inherited) = watch::channel(None);
    let shell = Shell {
        seat: Seat {
            api: Api::namespaced(client, namespace),
            name: lease_name.to_owned(),
            owner,
            terms,
        },
        identity,
        candidate,
        last: None,
        listed: false,
        trouble: None,
        told,
        left,
        found,
    };
    let task = tokio::spawn(shell.run(resigned));
    Election {
        leadership,
        legacy,
        inherited,
        resign,
        task,
    }
}

/// An identity that no other process has: the name of the pod and a random part, as client-go's users do.
pub(crate) fn identity(pod: &str) -> String {
    format!("{pod}_{:016x}", random::bits())
}

impl Election {
    /// Stops leading at once, gives the Lease back if it is ours, and returns once that ended or took 2 s.
    ///
    /// End what is being written first: the next leader begins within milliseconds.
    pub(crate) async fn resign(mut self) {
        // The only error is that the task has ended already.
        let _sent = self.resign.send(());
        if timeout(RESIGN_TIMEOUT, &mut self.task).await.is_err() {
            tracing::warn!("the lease was not given back in time");
            self.task.abort();
        }
    }
}

/// Where the Lease is and how requests about it are sent.
#[derive(Clone)]
struct Seat {
    api: Api<Lease>,
    name: String,
    owner: Option<OwnerReference>,
    terms: Terms,
}

/// What a request led to.
enum Answer {
    Read(Result<Option<Box<Lease>>, String>),
    /// How a write ended, the Lease as stored, and what went wrong.
    Wrote(Outcome, Option<Box<Lease>>, Option<String>),
}

type Request = OptionFuture<BoxFuture<'static, Answer>>;

struct Shell {
    seat: Seat,
    identity: String,
    candidate: Candidate,
    /// The newest Lease seen, for what is not ours in it.
    last: Option<Lease>,
    /// Whether the list that begins a watch showed the Lease.
    listed: bool,
    /// The trouble that was logged last, so that each is logged once.
    trouble: Option<String>,
    told: watch::Sender<Leadership>,
    /// What to leave to the next leader.
    left: watch::Receiver<Option<String>>,
    /// What a leader left.
    found: watch::Sender<Option<String>>,
}

impl Shell {
    async fn run(mut self, mut resigned: oneshot::Receiver<()>) {
        let mut events = self.seat.watch();
        let mut request: Request = None.into();
        let mut resigning = false;
        while let Some(wake) = self.proceed(&mut request) {
            tokio::select! {
                Some(answer) = &mut request => {
                    request = None.into();
                    self.answered(answer);
                }
                Some(event) = events.next() => self.saw(event),
                asked = &mut resigned, if !resigning => match asked {
                    Ok(()) => {
                        resigning = true;
                        self.candidate.resign();
                    }
                    Err(_dropped) => break,
                },
                () = at(wake.map(clock::on_timers)) => {}
            }
        }
        self.candidate.resign();
        self.publish();
    }

    /// Does what the candidate wants; returns when it wants to be woken, or nothing once it is done.
    fn proceed(&mut self, request: &mut Request) -> Option<Option<Instant>> {
        loop {
            let wall = wall_clock();
            let next = self.candidate.next(clock::now(), wall);
            // Before anything is sent: nobody may act as a leader while the Lease is being given back.
            self.publish();
            match next {
                Next::Read => *request = Some(self.seat.clone().read().boxed()).into(),
                Next::Write(write) => {
                    let mut lease = wire::lease(&write, self.last.as_ref(), &self.seat.name, wall);
                    if let Some(legacy) = &*self.left.borrow() {
                        let annotations = lease.annotations_mut();
                        annotations.insert(GIVEN_BACK.to_owned(), legacy.clone());
                    }
                    *request = Some(self.seat.clone().write(write, lease).boxed()).into();
                }
                Next::Wait(wake) => return Some(wake),
                Next::Done => return None,
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        let now = clock::now();
        match answer {
            Answer::Read(Ok(found)) => {
                self.candidate.read(found.as_deref().map(wire::record), now);
                self.last = found.map(|lease| *lease);
                self.complain(None);
            }
            Answer::Read(Err(trouble)) => {
                self.candidate.read_failed(now, Jitter::random());
                self.complain(Some(trouble));
            }
            Answer::Wrote(outcome, stored, trouble) => {
                self.candidate.wrote(outcome, now, Jitter::random());
                self.keep_newer(stored);
                self.complain(trouble);
            }
        }
    }

    /// The watch may have shown a newer one before the answer came.
    fn keep_newer(&mut self, stored: Option<Box<Lease>>) {
        let last = self.last.as_ref().map(|last| wire::record(last).0);
        let newer = stored.filter(|stored| Some(wire::record(stored).0) > last);
        self.last = newer.map(|lease| *lease).or(self.last.take());
    }

    fn saw(&mut self, event: Result<Event<Lease>, watcher::Error>) {
        match event {
            Ok(Event::Init) => self.listed = false,
            Ok(Event::InitApply(lease)) => {
                self.listed = true;
                self.watched(lease);
            }
            Ok(Event::Apply(lease)) => self.watched(lease),
            Ok(Event::InitDone) if self.listed => {}
            Ok(Event::InitDone | Event::Delete(_)) => self.candidate.vanished(),
            Err(error) => tracing::debug!(%error, "the watch of the lease is broken"),
        }
    }

    fn watched(&mut self, lease: Lease) {
        let (version, record) = wire::record(&lease);
        if self.candidate.watched(version, record, clock::now()) {
            self.last = Some(lease);
        }
    }

    fn publish(&mut self) {
        let last = self.last.as_ref();
        let found = last.and_then(|last| last.annotations().get(GIVEN_BACK).cloned());
        tell(&self.found, found);
        let new = self.candidate.leadership();
        let transition = is_transition(&self.told.borrow(), &new);
        if transition {
            self.log(&new);
        }
        tell(&self.told, new);
    }

    fn log(&self, leadership: &Leadership) {
        let (lease, identity) = (&self.seat.name, &self.identity);
        match leadership {
            Leadership::Lead { term, .. } => tracing::info!(lease, identity, term, "leading"),
            Leadership::Follow { leader } => tracing::info!(lease, identity, leader, "following"),
        }
    }

    fn complain(&mut self, trouble: Option<String>) {
        if trouble != self.trouble
            && let Some(trouble) = &trouble
        {
            tracing::warn!(
                lease = self.seat.name,
                trouble,
                "the lease cannot be read or written"
            );
        }
        self.trouble = trouble;
    }
}

impl Seat {
    fn watch(&self) -> BoxStream<'static, Result<Event<Lease>, watcher::Error>> {
        let config = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        with_backoff(watcher(self.api.clone(), config)).boxed()
    }

    async fn read(self) -> Answer {
        let read = timeout(self.terms.request_timeout(), self.api.get_opt(&self.name));
        Answer::Read(match read.await {
            Ok(Ok(found)) => Ok(found.map(Box::new)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err("no answer in time".to_owned()),
        })
    }

    async fn write(self, write: Write, mut lease: Lease) -> Answer {
        let params = PostParams::default();
        if write.base.is_none() {
            lease.metadata.owner_references = self.owner.map(|owner| vec![owner]);
        }
        let sent = async {
            match write.base {
                Some(_) => self.api.replace(&self.name, &params, &lease).await,
                None => self.api.create(&params, &lease).await,
            }
        };
        match timeout(self.terms.request_timeout(), sent).await {
            Ok(Ok(stored)) => Answer::Wrote(
                Outcome::Landed(wire::record(&stored).0),
                Some(Box::new(stored)),
                None,
            ),
            Ok(Err(error)) => match wire::outcome(&error) {
                // Somebody else was faster, that is no trouble.
                Outcome::Conflict => Answer::Wrote(Outcome::Conflict, None, None),
                outcome => Answer::Wrote(outcome, None, Some(error.to_string())),
            },
            Err(_elapsed) => Answer::Wrote(Outcome::Unknown, None, Some("no answer in time".to_owned())),
        }
    }
}

/// Whether there is something to tell: another leader, or another term. A renewal is not.
fn is_transition(old: &Leadership, new: &Leadership) -> bool {
    match (old, new) {
        (Leadership::Lead { term: old, .. }, Leadership::Lead { term: new, .. }) => old != new,
        _ => old != new,
    }
}

/// Wakes the readers only if it is something else than before.
fn tell<T: PartialEq>(told: &watch::Sender<T>, new: T) {
    told.send_if_modified(|told| {
        let changed = *told != new;
        *told = new;
        changed
    });
}

fn wall_clock() -> Stamp {
    Stamp(Timestamp::now().as_microsecond())
}

#[cfg(test)]
mod tests;
