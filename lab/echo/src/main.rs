//! `ferrolb-echo` answers on port 8080; `get URL` asks; `resolve NAME` looks a name up; `environment PREFIX` and
//! `show FILE` print what the pod was given; `pause` does nothing, as a pod's sandbox does.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use ferrolb_echo::answer::Identity;
use ferrolb_echo::{http, serve};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, waitpid};

const PORT: u16 = 8080;
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => listen(PORT),
        ["serve", port] => port.parse().map_or(ExitCode::from(2), listen),
        ["get", url] => get(url),
        ["resolve", name] => resolve(name),
        ["environment", prefix] => environment(prefix),
        ["show", file] => show(file),
        ["pause"] => until_told(),
        _ => {
            eprintln!(
                "usage: ferrolb-echo [serve PORT | get URL | resolve NAME | environment PREFIX | show FILE | pause]"
            );
            ExitCode::from(2)
        }
    }
}

fn listen(port: u16) -> ExitCode {
    // before any thread starts, so that only this one takes signals
    block_signals();
    match serve::serve(Identity::own(), port) {
        Ok(port) => {
            println!("serving on {port}");
            until_told()
        }
        Err(failed) => {
            eprintln!("cannot serve on {port}: {failed}");
            ExitCode::FAILURE
        }
    }
}

fn get(url: &str) -> ExitCode {
    match http::get(url, PATIENCE) {
        Ok(answer) => {
            print!("{}", answer.body);
            if answer.status == 200 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(failed) => {
            eprintln!("{url}: {failed}");
            ExitCode::FAILURE
        }
    }
}

/// All addresses of a name, in order, by the resolver of the system: search list included.
fn resolve(name: &str) -> ExitCode {
    match (name, 0).to_socket_addrs() {
        Ok(found) => {
            let addresses: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
            addresses.iter().for_each(|address| println!("{address}"));
            ExitCode::SUCCESS
        }
        Err(failed) => {
            eprintln!("{name}: {failed}");
            ExitCode::FAILURE
        }
    }
}

fn environment(prefix: &str) -> ExitCode {
    let all: BTreeMap<String, String> = std::env::vars().collect();
    let meant = all.iter().filter(|(name, _)| name.starts_with(prefix));
    meant.for_each(|(name, value)| println!("{name}={value}"));
    ExitCode::SUCCESS
}

fn show(file: &str) -> ExitCode {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(failed) => {
            eprintln!("{file}: {failed}");
            ExitCode::FAILURE
        }
    }
}

fn signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD]
        .into_iter()
        .collect()
}

fn block_signals() {
    signals().thread_block().expect("the set is valid");
}

/// Waits for SIGTERM or SIGINT, which the first process of a container must take itself, and reaps orphans.
fn until_told() -> ExitCode {
    block_signals();
    while let Ok(Signal::SIGCHLD) = signals().wait() {
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
    }
    ExitCode::SUCCESS
}
