//! HTTP client that sends any bytes, and the endpoint in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A response as it was received.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and header fields.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Connection to the endpoint.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// The next response with its body. `None` if the connection is closed.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        let length = answer.field("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body).unwrap();
        Some(answer)
    }

    /// The head of the next response, which has no body.
    pub fn head(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).unwrap() == 0 {
                assert_eq!(head, "", "the connection is closed within a head");
                return None;
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = Vec::new();
        Some(Answer { status, head, body })
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        self.answer().expect("a response")
    }
}

/// Response to one request on a connection of its own.
pub fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut client = Client::connect(address);
    client.send(request);
    client.answer().expect("a response")
}

/// Variable that makes the test program a server.
pub const IS_SERVER: &str = "REHEARSAL_TEST_ENDPOINT";

/// Endpoint in a process of its own: this test program, running [`super::load::server_process`].
pub struct ServerProcess {
    pub child: Child,
    pub address: SocketAddr,
    output: BufReader<ChildStdout>,
}

impl ServerProcess {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "endpoint::load::server_process"])
            .args(["--ignored", "--nocapture"])
            .env(IS_SERVER, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = reply(&mut output).parse().unwrap();
        Self {
            child,
            address,
            output,
        }
    }

    /// Sends a command to the process and returns its reply.
    pub fn tell(&mut self, command: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
        reply(&mut self.output)
    }
}

/// Next reply of the server; the harness writes other text.
fn reply(output: &mut impl BufRead) -> String {
    let mut lines = output.lines();
    let reply = lines.find_map(|line| Some(line.unwrap().split_once("reply=")?.1.to_owned()));
    reply.expect("the server replies")
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Without its input it stops.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
