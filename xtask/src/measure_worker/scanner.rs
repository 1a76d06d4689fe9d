//! A Scanner on loopback with a fixed time for each report, and no findings that change.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::process::{Context, Result};

/// Starts a Scanner, which answers until the program ends.
pub fn start(time: Duration) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("127.0.0.1")?;
    let address = listener.local_addr().context("127.0.0.1")?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A worker that was killed does not read its answer.
            thread::spawn(move || drop(answer_all(&connection, time)));
        }
    });
    Ok(address)
}

/// Answers the requests of a connection until it is closed.
fn answer_all(mut connection: &TcpStream, time: Duration) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    loop {
        let body = read_body(&mut reader)?;
        thread::sleep(time);
        let report = report(&body);
        let length = report.len();
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{report}");
        connection.write_all(response.as_bytes())?;
    }
}

fn read_body(reader: &mut impl BufRead) -> io::Result<String> {
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    String::from_utf8(body).map_err(io::Error::other)
}

/// Report of ten findings on the image of a request.
fn report(request: &str) -> String {
    let image = request.split("\"image\":\"").nth(1).unwrap_or_default();
    let image = image.split('"').next().unwrap_or_default();
    let findings: Vec<String> = (0..10)
        .map(|number| {
            format!(
                "{{\"vulnerability\":\"CVE-2026-{number:04}\",\"component\":\"pkg:generic/a\",\
                 \"severity\":\"high\",\"kev\":false}}"
            )
        })
        .collect();
    let findings = findings.join(",");
    format!(
        "{{\"image\":\"{image}\",\"revision\":1,\"generatedAt\":\"2026-01-01T00:00:00Z\",\
         \"findings\":[{findings}]}}"
    )
}
