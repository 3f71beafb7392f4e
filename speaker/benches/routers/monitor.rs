//! When routes came into a kernel, as the kernel tells those who listen.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::netns::Namespace;

/// What is measured takes no longer: FRR waits a minute after a BFD session that fell.
const PATIENCE: Duration = Duration::from_secs(200);

/// Listens to the kernel of a router.
pub(crate) struct Monitor {
    child: Child,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The prefixes under 2001:db8:f::/48 that it has routes to.
    routes: BTreeSet<String>,
    /// When that changed last.
    at: Option<Instant>,
}

impl Monitor {
    pub(crate) fn start(router: &Namespace) -> Self {
        let mut child = Command::new("ip")
            .args(["-n", router.name(), "-6", "monitor", "route"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let (told, lines) = (seen.clone(), BufReader::new(child.stdout.take().unwrap()));
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let (gone, rest) = match line.strip_prefix("Deleted ") {
                    Some(rest) => (true, rest),
                    None => (false, &*line),
                };
                let prefix = rest
                    .split_whitespace()
                    .find(|word| word.starts_with("2001:db8:f::"));
                let Some(prefix) = prefix else { continue };
                let mut seen = told.lock().unwrap();
                match gone {
                    true => seen.routes.remove(prefix),
                    false => seen.routes.insert(prefix.to_owned()),
                };
                seen.at = Some(Instant::now());
            }
        });
        Self { child, seen }
    }

    /// Waits until there are so many routes; when the last one came or went.
    pub(crate) fn until_routes(&self, count: usize) -> Instant {
        let began = Instant::now();
        loop {
            {
                let seen = self.seen.lock().unwrap();
                if let Some(at) = seen.at.filter(|_| seen.routes.len() == count) {
                    return at;
                }
            }
            assert!(began.elapsed() < PATIENCE, "gave up waiting for {count} routes");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Monitor {
    /// Waits until there is none; when the last one went, not before `since`: a router may have begun anew before.
    pub(crate) fn until_gone(&self, since: Instant) -> Instant {
        loop {
            let at = self.until_routes(0);
            if at >= since {
                return at;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
