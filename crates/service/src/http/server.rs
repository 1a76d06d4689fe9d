//! Accepts clients, up to the limit of connections, and refuses the others.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::or;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::connection::serve_connection;
use super::limits::EndpointLimits;
use super::respond::{Respond, too_many_clients};

/// Maximum number of clients that are being refused at the same time.
const REFUSALS_MAX: usize = 64;
/// Time in which a client that is refused must send its request.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Maximum number of clients that wait to be accepted; the system may lower it.
const BACKLOG: u32 = 4_096;
/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Maximum time for open responses when the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Listens at the first of these addresses that is free, within a runtime.
pub(super) fn listen_at_any(
    addresses: impl Iterator<Item = SocketAddr>,
) -> io::Result<TcpListener> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Listens at an address, within a runtime. Port 0 selects a free one.
///
/// # Errors
/// The address can't be bound.
pub fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // The standard library's 128 would make clients wait for a second when many connect at once.
    socket.listen(BACKLOG)
}

/// Serves clients on the local set of the caller until it shall stop; then finishes the open
/// responses.
pub async fn serve<S: Respond>(
    listener: TcpListener,
    service: Rc<S>,
    limits: EndpointLimits,
    stopping: watch::Receiver<bool>,
) {
    let limit = limits.open_connections();
    let server = Server {
        service,
        request_time: limits.request_time,
        stopping: stopping.clone(),
        connections: Arc::new(Semaphore::new(limit)),
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
    };
    or(server.accept_all(&listener), stopped(stopping)).await;
    drop(listener);
    let all = u32::try_from(limit).unwrap_or(u32::MAX);
    // After this time the last connections end with the runtime.
    let _ = timeout(STOP_TIME, server.connections.acquire_many(all)).await;
}

/// Waits until the server shall stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the owner is gone, which is the same.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}

/// State that all connections share.
struct Server<S> {
    service: Rc<S>,
    request_time: Duration,
    stopping: watch::Receiver<bool>,
    connections: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl<S: Respond> Server<S> {
    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((client, address)) => self.accept(client, address.ip()).await,
                Err(error) => sleep(pause_after(&error)).await,
            }
        }
    }

    async fn accept(&self, client: TcpStream, address: IpAddr) {
        // Without it the last segment of a page may wait for an acknowledgement.
        let _ = client.set_nodelay(true);
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            self.spawn_service(client, address, permit);
        } else if let Ok(permit) = Arc::clone(&self.refusals).acquire_owned().await {
            self.spawn_refusal(client, permit);
        }
    }

    fn spawn_service(&self, client: TcpStream, address: IpAddr, permit: OwnedSemaphorePermit) {
        let service = Rc::clone(&self.service);
        let (request_time, stopping) = (self.request_time, self.stopping.clone());
        spawn_local(async move {
            let respond = |request| service.respond(request, address);
            serve_connection(client, respond, request_time, stopped(stopping)).await;
            drop(permit);
        });
    }

    fn spawn_refusal(&self, client: TcpStream, permit: OwnedSemaphorePermit) {
        let stopping = self.stopping.clone();
        spawn_local(async move {
            let respond = |_| async { too_many_clients() };
            serve_connection(client, respond, REFUSAL_TIME, stopped(stopping)).await;
            drop(permit);
        });
    }
}

/// Time until the next attempt to accept. A client that is gone is no reason to wait.
fn pause_after(error: &io::Error) -> Duration {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    match error.kind() {
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted => Duration::ZERO,
        _ => ACCEPT_PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_that_is_gone_delays_no_other() {
        let gone = io::Error::from(io::ErrorKind::ConnectionAborted);
        assert_eq!(pause_after(&gone), Duration::ZERO);
        // Too many open files.
        assert_eq!(pause_after(&io::Error::from_raw_os_error(24)), ACCEPT_PAUSE);
    }
}
