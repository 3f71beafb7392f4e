//! What other processes ask of a lab's keeper, over a socket in the lab's folder: one line each way.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use crate::error::{Doing, Error, Result};
use crate::state::State;

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Cut the power of a node.
    Cut(u8),
    /// Switch a node on.
    Boot(u8),
    /// Kill the API server.
    KillApiServer,
    /// Start the API server that was killed; it is not ready yet when this is answered.
    StartApiServer,
    /// Kill the API server and etcd.
    StopControlPlane,
    /// Start both; they are not ready yet when this is answered.
    StartControlPlane,
    /// Stop etcd where it is.
    PauseEtcd,
    /// Let etcd go on.
    ResumeEtcd,
    /// End the lab.
    End,
}

/// Asks the keeper and waits until it has done it.
pub(crate) fn ask(state: &State, request: Request) -> Result<()> {
    let path = state.socket();
    let mut stream = UnixStream::connect(&path)
        .map_err(|_| Error::Refused(format!("no lab runs in {}", state.folder().display())))?;
    let line = serde_json::to_string(&request).expect("plain data") + "\n";
    stream
        .write_all(line.as_bytes())
        .doing(|| "ask the lab's keeper".into())?;
    let mut told = String::new();
    BufReader::new(stream)
        .read_line(&mut told)
        .doing(|| "hear the lab's keeper".into())?;
    match serde_json::from_str::<std::result::Result<(), String>>(&told) {
        Ok(done) => done.map_err(Error::Refused),
        Err(_) => Error::refused("the lab's keeper is gone"),
    }
}

/// Serves one connection; true if it has asked for the end.
pub(crate) fn answer(mut connection: &UnixStream, obey: impl FnOnce(Request) -> Result<()>) -> bool {
    let mut line = String::new();
    if BufReader::new(connection).read_line(&mut line).is_err() {
        return false;
    }
    let Ok(request) = serde_json::from_str(&line) else {
        return false;
    };
    let done = obey(request).map_err(|failed| failed.to_string());
    let told = serde_json::to_string(&done).expect("plain data") + "\n";
    // whoever asked may be gone
    let _ = connection.write_all(told.as_bytes());
    let _ = connection.shutdown(Shutdown::Both);
    request == Request::End
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(line: &str, outcome: Result<()>) -> (bool, String) {
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(line.as_bytes()).unwrap();
        let over = answer(&far, |_| outcome);
        let mut told = String::new();
        BufReader::new(near).read_line(&mut told).unwrap();
        (over, told)
    }

    #[test]
    fn a_failure_is_told_to_whoever_asked() {
        let (over, told) = exchange("{\"Cut\":2}\n", Error::refused("no such node"));
        assert_eq!((over, told.as_str()), (false, "{\"Err\":\"no such node\"}\n"));
    }

    #[test]
    fn the_end_is_the_last_request() {
        assert!(exchange("\"End\"\n", Ok(())).0);
    }

    #[test]
    fn nonsense_is_not_obeyed() {
        let (near, far) = UnixStream::pair().unwrap();
        (&near).write_all(b"nonsense\n").unwrap();
        assert!(!answer(&far, |_| panic!("obeyed")));
    }
}
