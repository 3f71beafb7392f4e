//! Breaking and mending the programs of the control plane.

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::{Keeper, end};
use crate::control_plane::Daemon;
use crate::error::{Doing, Error, Result};

impl Keeper<'_> {
    pub(super) fn kill(&mut self, name: &'static str) -> Result<()> {
        end(&mut self.running(name)?.child);
        self.daemons.retain(|daemon| daemon.name != name);
        Ok(())
    }

    /// Starts a program that was killed or has ended; whoever asked waits until it is ready.
    pub(super) fn start_again(&mut self, name: &'static str) -> Result<()> {
        if self.running(name).is_ok() {
            return Error::refused(format!("{name} is running"));
        }
        self.daemons.retain(|daemon| daemon.name != name);
        self.start(name)
    }

    pub(super) fn signal(&mut self, name: &'static str, signal: Signal) -> Result<()> {
        let pid = self.running(name)?.child.id();
        let pid = Pid::from_raw(pid.try_into().expect("a process id"));
        signal::kill(pid, signal).doing(|| format!("send {signal} to {name}"))
    }

    fn running(&mut self, name: &'static str) -> Result<&mut Daemon> {
        let named = self.daemons.iter_mut().find(|daemon| daemon.name == name);
        named
            .and_then(|daemon| matches!(daemon.child.try_wait(), Ok(None)).then_some(daemon))
            .ok_or_else(|| Error::Refused(format!("{name} is not running")))
    }
}
