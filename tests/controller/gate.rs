//! A way to the API server that can be shut, for one client alone.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ferrolb_lab::{Lab, Machine, netns};
use libtest_mimic::Failed;
use serde_json::Value;

const API_SERVER_PORT: u16 = 6443;
const PORT: u16 = 7443;
const PAUSE: Duration = Duration::from_millis(10);

/// Carries connections to the API server. While it is shut it closes each at once, and counts them: a client that speaks
/// HTTP/1 needs one for each attempt.
pub(crate) struct Gate {
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    is_shut: AtomicBool,
    is_over: AtomicBool,
    refused: AtomicUsize,
    /// Both ends of every connection.
    carried: Mutex<Vec<TcpStream>>,
}

impl Gate {
    /// A gate beside the API server, open.
    pub(crate) fn new(lab: &Lab) -> Result<Self, Failed> {
        let network = lab.plan().full_name(Machine::ControlPlane);
        let address = Machine::ControlPlane.ipv4();
        let listener = netns::inside(&network, || TcpListener::bind((address, PORT)))??;
        listener.set_nonblocking(true)?;
        let state = Arc::new(State::default());
        let ours = state.clone();
        let reach = move || {
            let connected = netns::inside(&network, || TcpStream::connect((address, API_SERVER_PORT)));
            connected.map_err(io::Error::other)?
        };
        let accepting = std::thread::spawn(move || {
            while !ours.is_over.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => ours.admit(client, &reach),
                    Err(_nobody) => std::thread::sleep(PAUSE),
                }
            }
        });
        Ok(Self {
            state,
            accepting: Some(accepting),
        })
    }

    /// The administrator's kubeconfig with the gate in place of the API server. It goes with the lab's folder.
    pub(crate) fn kubeconfig(lab: &Lab) -> Result<PathBuf, Failed> {
        let path = lab.kubeconfig_on(Machine::ControlPlane);
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let server = format!("https://{}:{PORT}", Machine::ControlPlane.ipv4());
        config["clusters"][0]["cluster"]["server"] = server.into();
        // Beside the other, for it names the CA by a relative path.
        let behind_gate = path.with_file_name("behind-gate.kubeconfig");
        fs::write(&behind_gate, config.to_string())?;
        Ok(behind_gate)
    }

    /// Breaks all connections and refuses new ones.
    pub(crate) fn shut(&self) {
        self.state.is_shut.store(true, Ordering::SeqCst);
        self.state.break_all();
    }

    /// Lets connections through again.
    pub(crate) fn reopen(&self) {
        self.state.is_shut.store(false, Ordering::SeqCst);
    }

    /// How many connections were refused.
    pub(crate) fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.state.break_all();
        if let Some(accepting) = self.accepting.take() {
            let _ended = accepting.join();
        }
    }
}

impl State {
    fn admit(&self, client: TcpStream, reach: &impl Fn() -> io::Result<TcpStream>) {
        if self.is_shut.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if let Err(failed) = client
            .set_nonblocking(false)
            .and_then(|()| reach())
            .and_then(|server| self.carry(client, server))
        {
            eprintln!("the gate does not reach the API server: {failed}");
        }
    }

    fn carry(&self, client: TcpStream, server: TcpStream) -> io::Result<()> {
        let both = [
            (client.try_clone()?, server.try_clone()?),
            (server.try_clone()?, client.try_clone()?),
        ];
        for (mut from, mut to) in both {
            std::thread::spawn(move || {
                let _ended = io::copy(&mut from, &mut to);
                let _closed = to.shutdown(Shutdown::Write);
            });
        }
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.extend([client, server]);
        Ok(())
    }

    fn break_all(&self) {
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in carried.drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}
