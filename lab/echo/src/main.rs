//! `ferrolb-echo` answers on port 8080; `ferrolb-echo get URL` asks; `ferrolb-echo pause` does nothing, as a pod's
//! sandbox does.
#![allow(clippy::print_stdout)]

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
        ["pause"] => until_told(),
        _ => {
            eprintln!("usage: ferrolb-echo [serve PORT | get URL | pause]");
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
