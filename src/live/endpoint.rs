//! `/metrics` over HTTP: serves the exposition of a registry.
//!
//! ```text
//!   GET /metrics      200, the exposition, in the format that `Accept` prefers
//!   another path      404
//!   another method    405
//!   no HTTP           400; a head of more than 8 KiB: 431
//! ```
//!
//! The endpoint serves one request at a time, one for each connection, each within two seconds.
//! That suffices for a scraper with an interval of seconds, so a server with a runtime was
//! rejected. `httparse` parses the head of a request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::metrics::exposition::{ExpositionFormat, render};
use crate::metrics::{CollectContext, Registry};

/// Maximum number of bytes of a request's head.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Maximum number of header fields of a request.
const FIELDS_MAX: usize = 64;
/// Timeout of a client, for sending its request and for receiving the response.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(2);

/// HTTP server for the metrics of one registry.
pub struct MetricsEndpoint {
    listener: TcpListener,
    registry: Registry,
    began: Instant,
}

/// Response: status line and body.
struct HttpResponse {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl HttpResponse {
    fn refusal(status: &'static str, body: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{body}\n"),
        }
    }
}

impl MetricsEndpoint {
    /// Listens at an address; port 0 selects a free one.
    ///
    /// # Errors
    /// The address can't be bound.
    pub fn bind(address: impl ToSocketAddrs, registry: Registry) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address)?,
            registry,
            began: Instant::now(),
        })
    }

    /// Returns the address of the listener.
    ///
    /// # Errors
    /// The operating system does not report the address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves one client. A client that disconnects or times out is dropped.
    ///
    /// # Errors
    /// No client can be accepted any more.
    pub fn serve_one(&self) -> io::Result<()> {
        let (client, _) = self.listener.accept()?;
        // An error of one client does not affect the next.
        let _ = self.serve(client);
        Ok(())
    }

    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(CLIENT_TIMEOUT))?;
        client.set_write_timeout(Some(CLIENT_TIMEOUT))?;
        let (answer, has_body) = self.answer(&read_head(&mut client)?);
        write!(
            client,
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.status,
            answer.content_type,
            answer.body.len()
        )?;
        if has_body {
            client.write_all(answer.body.as_bytes())?;
        }
        client.flush()
    }

    /// Returns the response to a request, and whether its body is sent.
    fn answer(&self, head: &[u8]) -> (HttpResponse, bool) {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) if head.len() >= HEAD_BYTES_MAX => {
                let status = "431 Request Header Fields Too Large";
                return (
                    HttpResponse::refusal(status, "the request is too long"),
                    true,
                );
            }
            Err(httparse::Error::TooManyHeaders) => {
                let status = "431 Request Header Fields Too Large";
                return (
                    HttpResponse::refusal(status, "the request has too many fields"),
                    true,
                );
            }
            Ok(httparse::Status::Partial) | Err(_) => {
                let refusal =
                    HttpResponse::refusal("400 Bad Request", "this is not an HTTP request");
                return (refusal, true);
            }
        }
        let has_body = request.method != Some("HEAD");
        let path = request.path.and_then(|path| path.split('?').next());
        let answer = match (request.method, path) {
            (Some("GET" | "HEAD"), Some("/metrics")) => {
                self.exposition(preferred_format(request.headers))
            }
            (Some("GET" | "HEAD"), _) => HttpResponse::refusal("404 Not Found", "see /metrics"),
            _ => HttpResponse::refusal("405 Method Not Allowed", "only GET and HEAD"),
        };
        (answer, has_body)
    }

    fn exposition(&self, format: ExpositionFormat) -> HttpResponse {
        let context = CollectContext::at(self.began.elapsed());
        HttpResponse {
            status: "200 OK",
            content_type: format.content_type(),
            body: render(format, &self.registry, &context),
        }
    }
}

/// Reads the head of a request up to the empty line, or to its maximum length.
fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let began = Instant::now();
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while head.len() < HEAD_BYTES_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = client.read(&mut chunk)?;
        if count == 0 || began.elapsed() > CLIENT_TIMEOUT {
            break;
        }
        head.extend_from_slice(&chunk[..count]);
    }
    Ok(head)
}

/// Returns OpenMetrics if the client accepts it and does not prefer text.
fn preferred_format(fields: &[httparse::Header<'_>]) -> ExpositionFormat {
    let accepted = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("accept"))
        .filter_map(|field| std::str::from_utf8(field.value).ok())
        .flat_map(|value| value.split(','));
    let (mut text, mut open_metrics) = (0.0, 0.0);
    for range in accepted {
        let mut parts = range.split(';').map(str::trim);
        let weight = match parts.next() {
            Some("application/openmetrics-text") => &mut open_metrics,
            Some("text/plain" | "text/*" | "*/*") => &mut text,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        *weight = quality.unwrap_or(1.0_f64).max(*weight);
    }
    if open_metrics > 0.0 && open_metrics >= text {
        ExpositionFormat::OpenMetrics
    } else {
        ExpositionFormat::Text
    }
}
