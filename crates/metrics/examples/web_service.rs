//! A web service with `/metrics`. It handles as many requests as its argument says.
#![allow(missing_docs, reason = "the labels are named as in the exposition")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a service does I/O"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use rehearsal_metrics::exposition::{ExpositionFormat, render};
use rehearsal_metrics::{CollectContext, Definition, Registry, label_set, static_label};

static_label! { pub enum Method: "method" { Get = "GET", Other = "other" } }
static_label! { pub enum Route: "route" { Hello = "/", Metrics = "/metrics", Other = "other" } }
static_label! { pub enum Status: "status" { Ok = "200", NotFound = "404" } }
label_set! { pub struct Request { method: Method, route: Route, status: Status } }

const REQUESTS: Definition =
    Definition::counter("http_requests_total", "Requests handled.").labelled::<Request>();

fn expose(registry: &Registry) -> String {
    render(ExpositionFormat::Text, registry, &CollectContext::default())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let requests = registry.counters(&REQUESTS)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    let count = std::env::args().nth(1).unwrap_or("1000".into()).parse()?;
    for stream in listener.incoming().take(count) {
        let (mut stream, mut line) = (stream?, String::new());
        BufReader::new(&stream).read_line(&mut line)?;
        let (method, path) = line.split_once(' ').unwrap_or_default();
        let method = [Method::Other, Method::Get][usize::from(method == "GET")];
        let (route, status, body) = match path.split(' ').next() {
            Some("/") => (Route::Hello, Status::Ok, "Hello.\n".to_owned()),
            Some("/metrics") => (Route::Metrics, Status::Ok, expose(&registry)),
            _ => (Route::Other, Status::NotFound, "No such page.\n".to_owned()),
        };
        requests.increment(Request::new(method, route, status));
        write!(stream, "HTTP/1.0 {}\r\n\r\n{body}", status.as_str())?;
    }
    Ok(())
}
