//! A Scanner over HTTP whose answers a test chooses.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

/// Server of reports. Its threads end with the program.
pub struct ScannerStub {
    address: SocketAddr,
}

impl ScannerStub {
    /// Starts a server that answers each requested image with a status and a document.
    pub fn start(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(&client, &*answer));
            }
        });
        Self { address }
    }

    /// URL of the reports.
    pub fn url(&self) -> String {
        format!("http://{}/reports", self.address)
    }
}

/// Report of an image.
pub fn report(image: &str, revision: u64, findings: &[Value]) -> (u16, Value) {
    let report = json!({
        "image": image,
        "revision": revision,
        "generatedAt": "2026-01-01T00:00:00Z",
        "findings": findings,
    });
    (200, report)
}

/// Answers the requests of a connection. It ends with the client's.
fn serve(client: &TcpStream, answer: &dyn Fn(&str) -> (u16, Value)) -> Option<()> {
    let mut reader = BufReader::new(client);
    loop {
        let request: Value = serde_json::from_slice(&read_body(&mut reader)?).ok()?;
        let (status, document) = answer(request["image"].as_str()?);
        let body = document.to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n");
        (&mut &*client).write_all((head + &body).as_bytes()).ok()?;
    }
}

/// Reads the head of a request, and returns its body.
fn read_body(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|count| *count > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}
