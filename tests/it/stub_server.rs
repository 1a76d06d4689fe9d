//! HTTP as these tests need it: servers that answer one request for each connection, and a client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Maximum time for which a client waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Response of a server.
pub struct StubResponse {
    pub status: u16,
    /// Further header lines, each with its line end.
    pub headers: &'static str,
    pub body: String,
}

impl StubResponse {
    /// Response without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: "",
            body: String::new(),
        }
    }
}

/// Starts a server on loopback, which answers the bodies of requests until the tests end.
pub fn serve(respond: impl Fn(&str) -> StubResponse + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let respond = Arc::new(respond);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let respond = Arc::clone(&respond);
            // A client that was killed does not read its answer.
            thread::spawn(move || drop(answer(&connection, &*respond)));
        }
    });
    address
}

fn answer(connection: &TcpStream, respond: impl Fn(&str) -> StubResponse) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let StubResponse {
        status,
        headers,
        body,
    } = respond(&String::from_utf8_lossy(&body));
    let length = body.len();
    let mut connection = connection;
    write!(
        connection,
        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n\
         {body}"
    )
}

/// Sends a request, and returns status and body of the response.
pub fn send(address: SocketAddr, head: &str, body: &str) -> io::Result<(u16, String)> {
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        connection,
        "{head}Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    let status = response
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok());
    let body = response
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    let incomplete = || io::Error::other("the response is incomplete");
    Ok((status.ok_or_else(incomplete)?, body.ok_or_else(incomplete)?))
}
