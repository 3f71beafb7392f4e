//! One HTTP GET.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, whole.
    pub body: String,
}

/// Gets `http://HOST:PORT/PATH`; the host is a name or a number, IPv6 in brackets. The timeout holds for connecting and
/// for each read.
///
/// # Errors
/// Those of the look-up and the connection; [`io::ErrorKind::InvalidInput`] for another kind of URL.
pub fn get(url: &str, timeout: Duration) -> io::Result<Answer> {
    let (host, path) =
        parts(url).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a plain URL"))?;
    let address = address(host)?;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // version 1.0: the body ends with the connection and comes in one piece
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not HTTP"))
}

/// Host with port, and path.
fn parts(url: &str) -> Option<(&str, String)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (!host.is_empty()).then(|| (host, format!("/{path}")))
}

fn address(host: &str) -> io::Result<SocketAddr> {
    let with_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if with_port && !host.ends_with(']') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let mut found = host.to_socket_addrs()?;
    found
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://192.0.2.1:8080/a/b", "192.0.2.1:8080", "/a/b")]
    #[case("http://192.0.2.1", "192.0.2.1:80", "/")]
    #[case("http://[2001:db8::1]:81/", "[2001:db8::1]:81", "/")]
    #[case("http://[2001:db8::1]", "[2001:db8::1]:80", "/")]
    fn a_url_names_address_and_path(#[case] url: &str, #[case] address: &str, #[case] path: &str) {
        let (host, own_path) = parts(url).unwrap();
        assert_eq!(
            (super::address(host).unwrap(), own_path.as_str()),
            (address.parse().unwrap(), path)
        );
    }

    #[test]
    fn a_name_is_looked_up() {
        assert!(super::address("localhost").unwrap().ip().is_loopback());
    }

    #[test]
    fn another_kind_of_url_is_refused() {
        assert_eq!(parts("https://localhost/"), None);
        assert_eq!(parts("http:///path"), None);
    }

    #[test]
    fn the_body_starts_after_the_empty_line() {
        let answer = parse("HTTP/1.0 503 Service Unavailable\r\nA: b\r\n\r\nno\r\n\r\npods");
        assert_eq!(
            answer,
            Some(Answer {
                status: 503,
                body: "no\r\n\r\npods".into()
            })
        );
    }
}
