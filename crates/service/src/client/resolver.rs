//! Name resolution that refuses addresses.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::address_policy::AddressPolicy;

type Addresses = Pin<Box<dyn Future<Output = io::Result<IntoIter<SocketAddr>>> + Send>>;

/// Looks up the addresses of a host.
type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Resolver of a client's connections.
#[derive(Clone)]
pub struct CheckedResolver {
    policy: AddressPolicy,
    lookup: Lookup,
}

impl CheckedResolver {
    /// Creates a resolver that asks the operating system.
    pub fn new(policy: AddressPolicy) -> Self {
        Self::with_lookup(policy, |host| Ok((host, 0).to_socket_addrs()?.collect()))
    }

    /// Creates a resolver with another source of addresses.
    pub fn with_lookup(
        policy: AddressPolicy,
        lookup: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let lookup = Arc::new(lookup);
        Self { policy, lookup }
    }
}

impl Service<Name> for CheckedResolver {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Addresses;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Returns the addresses of a host, if the policy allows all of them.
    fn call(&mut self, name: Name) -> Addresses {
        let Self { policy, lookup } = self.clone();
        // The system's resolver blocks its thread.
        let found = tokio::task::spawn_blocking(move || lookup(name.as_str()));
        Box::pin(async move {
            let addresses = found.await.map_err(io::Error::other)??;
            for address in &addresses {
                policy.check(address.ip()).map_err(io::Error::other)?;
            }
            Ok(addresses.into_iter())
        })
    }
}
