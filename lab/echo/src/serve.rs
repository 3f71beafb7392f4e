//! Answers TCP, HTTP and UDP on one port of both families.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;

use crate::answer::Identity;

/// Starts to serve and returns at once with the port; port 0 takes a free one.
///
/// # Errors
/// If the port is taken.
pub fn serve(identity: Identity, port: u16) -> io::Result<u16> {
    let identity = Arc::new(identity);
    let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?;
    let port = tcp.local_addr()?.port();
    let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
    let same = Arc::clone(&identity);
    thread::spawn(move || answer_datagrams(&udp, &identity));
    thread::spawn(move || accept(&tcp, &same));
    Ok(port)
}

fn answer_datagrams(socket: &UdpSocket, identity: &Identity) {
    let mut buffer = [0; 2048];
    loop {
        if let Ok((length, asker)) = socket.recv_from(&mut buffer) {
            // with the question below, an asker of many can tell the answers apart
            let answer = [identity.answer(asker).as_bytes(), &buffer[..length]].concat();
            // an asker that is gone is no reason to stop
            let _ = socket.send_to(&answer, asker);
        }
    }
}

fn accept(listener: &TcpListener, identity: &Arc<Identity>) {
    for stream in listener.incoming().flatten() {
        let identity = Arc::clone(identity);
        thread::spawn(move || converse(&stream, &identity));
    }
}

/// Answers until the other side has enough. A line that is no HTTP request is answered with a line.
fn converse(stream: &TcpStream, identity: &Identity) -> io::Result<()> {
    let asker = stream.peer_addr()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        match Request::parse(&line) {
            None => (&*stream).write_all(identity.answer(asker).as_bytes())?,
            Some(request) => {
                let request = request.with_headers(&mut reader)?;
                (&*stream).write_all(request.response(identity, asker).as_bytes())?;
                if request.closes {
                    return Ok(());
                }
            }
        }
        line.clear();
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    path: String,
    closes: bool,
    /// `X-Forwarded-For`: whom a proxy asks for.
    forwarded_for: Option<String>,
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (_method, path, version) = (words.next()?, words.next()?, words.next()?);
        version.starts_with("HTTP/1.").then(|| Self {
            path: path.to_owned(),
            closes: version == "HTTP/1.0",
            forwarded_for: None,
        })
    }

    fn with_headers(mut self, reader: &mut impl BufRead) -> io::Result<Self> {
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            self.closes |= header.trim().eq_ignore_ascii_case("connection: close");
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("x-forwarded-for")
            {
                self.forwarded_for = Some(value.trim().to_owned());
            }
            header.clear();
        }
        Ok(self)
    }

    fn answer(&self, identity: &Identity, asker: SocketAddr) -> String {
        let line = identity.answer(asker);
        match &self.forwarded_for {
            Some(client) => format!("{} for={client}\n", line.trim_end()),
            None => line,
        }
    }

    fn response(&self, identity: &Identity, asker: SocketAddr) -> String {
        let body = if self.path == "/healthz" {
            "ok\n".to_owned()
        } else {
            self.answer(identity, asker)
        };
        let connection = if self.closes { "close" } else { "keep-alive" };
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn started() -> u16 {
        serve(
            Identity {
                pod: "p".into(),
                node: "n".into(),
            },
            0,
        )
        .unwrap()
    }

    #[test]
    fn http_is_answered_over_both_families() {
        let port = started();
        for host in ["127.0.0.1", "[::1]"] {
            let answer = http::get(&format!("http://{host}:{port}/"), PATIENCE).unwrap();
            assert_eq!(answer.status, 200);
            assert!(
                answer.body.starts_with(&format!("pod=p node=n from={host}:")),
                "{}",
                answer.body
            );
        }
    }

    #[test]
    fn a_plain_line_is_answered_with_a_line_as_often_as_it_is_asked() {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, started())).unwrap();
        let mut reader = BufReader::new(&stream);
        for _ in 0..3 {
            (&stream).write_all(b"who\n").unwrap();
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            assert!(line.starts_with("pod=p "), "{line}");
        }
    }

    #[test]
    fn a_datagram_is_answered_with_who_answers_and_the_question() {
        let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
            .send_to(b"who?", (IpAddr::V6(Ipv6Addr::LOCALHOST), started()))
            .unwrap();
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"pod=p node=n from=[::1]:"));
        assert!(buffer[..length].ends_with(b"\nwho?"));
    }

    #[test]
    fn the_health_check_says_ok() {
        let answer = http::get(&format!("http://127.0.0.1:{}/healthz", started()), PATIENCE).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    }

    #[test]
    fn whom_a_proxy_asks_for_is_named() {
        let request = Request::parse("GET / HTTP/1.1\r\n").unwrap();
        let request = request.with_headers(&mut "x-forwarded-for: 192.0.2.100\r\n\r\n".as_bytes());
        let identity = Identity {
            pod: "p".into(),
            node: "n".into(),
        };
        let answer = request
            .unwrap()
            .answer(&identity, "192.0.2.11:7".parse().unwrap());
        assert_eq!(answer, "pod=p node=n from=192.0.2.11:7 for=192.0.2.100\n");
    }

    #[test]
    fn a_connection_is_kept_unless_one_side_says_close() {
        assert!(!Request::parse("GET / HTTP/1.1\r\n").unwrap().closes);
        assert!(Request::parse("GET / HTTP/1.0\r\n").unwrap().closes);
        let headers = Request::parse("GET / HTTP/1.1\r\n")
            .unwrap()
            .with_headers(&mut "Connection: close\r\n\r\n".as_bytes());
        assert!(headers.unwrap().closes);
    }
}
