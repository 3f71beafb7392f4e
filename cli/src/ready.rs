//! `ferrolb ready`: asks a controller or a speaker whether it is ready, where there is no other program to ask with.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustls::{ClientConnection, StreamOwned};

use crate::any_certificate;

/// How long one attempt may take, and the pause after it.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);
/// An answer is a few lines.
const MOST_BYTES: u64 = 64 * 1024;

/// Ask a controller or a speaker whether it is ready, again until it is or time is over.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it serves metrics and health, as 192.0.2.11:9120; an IPv6 address in brackets
    #[arg(value_name = "HOST:PORT")]
    address: String,

    /// How long to go on asking
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout_seconds: u32,

    /// Ask over TLS; the certificate is not checked
    #[arg(long)]
    tls: bool,
}

/// Asks and prints the answer.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let deadline = Instant::now() + Duration::from_secs(args.timeout_seconds.into());
    loop {
        match ask(args) {
            Ok(answer) if is_ready(&answer) => {
                writeln!(io::stdout(), "{}", body(&answer))?;
                return Ok(ExitCode::SUCCESS);
            }
            answer if Instant::now() >= deadline => {
                let answer = answer.with_context(|| format!("{} does not answer", args.address))?;
                anyhow::bail!("{} is not ready: {}", args.address, body(&answer));
            }
            _ => std::thread::sleep(PAUSE),
        }
    }
}

fn ask(args: &Args) -> io::Result<String> {
    let mut addresses = args.address.to_socket_addrs()?;
    let to = addresses
        .next()
        .ok_or_else(|| io::Error::other("the name has no address"))?;
    let stream = TcpStream::connect_timeout(&to, ATTEMPT)?;
    stream.set_read_timeout(Some(ATTEMPT))?;
    stream.set_write_timeout(Some(ATTEMPT))?;
    match args.tls {
        true => {
            let config = any_certificate::config().map_err(io::Error::other)?;
            let connection = ClientConnection::new(Arc::new(config), to.ip().into());
            let connection = connection.map_err(io::Error::other)?;
            exchange(StreamOwned::new(connection, stream), args)
        }
        false => exchange(stream, args),
    }
}

fn exchange(mut stream: impl Read + Write, args: &Args) -> io::Result<String> {
    let host = &args.address;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MOST_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_ready(answer: &str) -> bool {
    let mut words = answer.split_whitespace();
    words.next().is_some_and(|version| version.starts_with("HTTP/1.")) && words.next() == Some("200")
}

fn body(answer: &str) -> &str {
    answer
        .split_once("\r\n\r\n")
        .map_or(answer, |(_, body)| body)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::net::TcpListener;

    #[rstest]
    #[case::ready("HTTP/1.1 200 OK\r\n\r\nok", true)]
    #[case::not_yet("HTTP/1.1 503 Service Unavailable\r\n\r\nnodes", false)]
    #[case::something_else("SSH-2.0 200", false)]
    #[case::nothing("", false)]
    fn only_200_is_ready(#[case] answer: &str, #[case] ready: bool) {
        assert_eq!(is_ready(answer), ready);
    }

    #[test]
    fn one_that_becomes_ready_is_asked_until_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            for answer in ["HTTP/1.1 503 No\r\n\r\nservices", "HTTP/1.1 200 OK\r\n\r\nok"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 256];
                assert!(stream.read(&mut asked).unwrap() > 0);
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let ended = run(&Args {
            address,
            timeout_seconds: 30,
            tls: false,
        });
        assert!(ended.is_ok(), "{ended:?}");
        server.join().unwrap();
    }

    #[test]
    fn one_that_does_not_answer_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let failed = run(&Args {
            address: address.clone(),
            timeout_seconds: 1,
            tls: false,
        })
        .unwrap_err();
        assert!(format!("{failed:#}").contains(&address), "{failed:#}");
    }
}
