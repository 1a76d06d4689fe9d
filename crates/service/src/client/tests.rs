//! Clients against servers on this machine.

mod notify;
mod scanner;
mod tls;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Request, Response};
use tokio::sync::watch;
use tokio::task::spawn_local;

use super::{HttpClient, TargetUrl, TrustedRoots};
use crate::http::{EndpointLimits, Respond, listen_at, serve};
use crate::worker_service::run_local;

/// Server that records requests and gives the answers of a script; then 200.
#[derive(Clone)]
struct ScriptedServer {
    address: SocketAddr,
    script: Rc<RefCell<VecDeque<Response<Full<Bytes>>>>>,
    requests: Rc<RefCell<Vec<(HeaderMap, Bytes)>>>,
}

impl ScriptedServer {
    /// Starts the server on the local set of the caller.
    fn start() -> Self {
        let listener = listen_at(([127, 0, 0, 1], 0).into()).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            script: Rc::default(),
            requests: Rc::default(),
        };
        let (running, stopping) = watch::channel(false);
        let serving = serve(
            listener,
            Rc::new(server.clone()),
            EndpointLimits::default(),
            stopping,
        );
        spawn_local(async move {
            serving.await;
            drop(running);
        });
        server
    }

    /// Adds an answer to the script.
    fn answer(&self, status: u16, fields: &[(&str, &str)], body: impl Into<Bytes>) {
        let response = Response::builder().status(status);
        let response = fields.iter().fold(response, |response, (name, value)| {
            response.header(*name, *value)
        });
        self.script
            .borrow_mut()
            .push_back(response.body(Full::new(body.into())).unwrap());
    }

    fn url(&self) -> String {
        format!("http://{}/reports", self.address)
    }

    fn client(&self) -> HttpClient {
        let target = TargetUrl::new(&self.url(), true).unwrap();
        HttpClient::new(target, &TrustedRoots::none())
    }

    fn requests(&self) -> Vec<(HeaderMap, Bytes)> {
        self.requests.borrow().clone()
    }
}

impl Respond for ScriptedServer {
    async fn respond(&self, request: Request<Incoming>, _client: IpAddr) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.requests.borrow_mut().push((head.headers, body));
        let answer = self.script.borrow_mut().pop_front();
        answer.unwrap_or_else(|| Response::new(Full::default()))
    }
}

/// Runs a test on a runtime in real time.
fn local<T>(test: impl Future<Output = T>) -> T {
    run_local(test).unwrap()
}
