//! Limit of requests by the client's address, which is known before anything of a request is read.
//!
//! An address has a window that begins with its first request. Afterwards it is forgotten, and the
//! next request begins another one. So an address takes a few bytes, however much it sends.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// Maximum number of addresses with a window. Beyond it the oldest window is forgotten, so that a
/// client with many addresses can't lock the others out.
const ADDRESSES_MAX: usize = 4_096;

/// Bits of an IPv6 address that are its network's. The others are at the client's choice.
const NETWORK_BITS: u128 = !0 << 64;

/// Requests of an address in its window.
struct AddressWindow {
    began_at: Instant,
    requests: u32,
}

/// Maximum number of requests in a window, for each address.
pub struct AddressLimit {
    requests: u32,
    window: Duration,
    windows: HashMap<IpAddr, AddressWindow>,
    /// Addresses with a window, in the order of its beginning.
    order: VecDeque<IpAddr>,
}

impl AddressLimit {
    /// Allows each address this number of requests in a window.
    pub fn new(requests: u32, window: Duration) -> Self {
        Self {
            requests,
            window,
            windows: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Counts a request of a client.
    ///
    /// # Errors
    /// Its address has used its window up; the time until the end of that.
    pub fn admit(&mut self, client: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        while self.oldest_age(now).is_some_and(|age| age >= self.window) {
            self.forget_oldest();
        }
        let address = limited_address(client);
        if let Some(window) = self.windows.get_mut(&address) {
            if window.requests >= self.requests {
                return Err(window.began_at + self.window - now);
            }
            window.requests += 1;
            return Ok(());
        }
        if self.order.len() == ADDRESSES_MAX {
            self.forget_oldest();
        }
        let began = AddressWindow {
            began_at: now,
            requests: 1,
        };
        self.windows.insert(address, began);
        self.order.push_back(address);
        Ok(())
    }

    fn oldest_age(&self, now: Instant) -> Option<Duration> {
        let window = self.windows.get(self.order.front()?)?;
        Some(now - window.began_at)
    }

    fn forget_oldest(&mut self) {
        if let Some(address) = self.order.pop_front() {
            self.windows.remove(&address);
        }
    }
}

/// Returns the address by which a client is limited: of IPv6, that of its network.
fn limited_address(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_BITS).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::webhook::tests::paused;

    const WINDOW: Duration = Duration::from_secs(60);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_window() {
        paused(async {
            let mut limit = AddressLimit::new(2, WINDOW);
            for client in ["203.0.113.9", "203.0.113.10", "127.0.0.1", "::1"] {
                assert_eq!(limit.admit(ip(client)), Ok(()), "{client}");
                advance(Duration::from_secs(1)).await;
                assert_eq!(limit.admit(ip(client)), Ok(()), "{client}");
                assert_eq!(
                    limit.admit(ip(client)),
                    Err(Duration::from_secs(59)),
                    "{client}"
                );
            }
            // The first window ends 60 s after its beginning.
            advance(Duration::from_secs(56)).await;
            assert_eq!(limit.admit(ip("203.0.113.9")), Ok(()));
            assert_eq!(limit.admit(ip("203.0.113.10")), Err(Duration::from_secs(1)));
        });
    }

    #[test]
    fn addresses_of_one_client_share_a_window() {
        paused(async {
            let mut limit = AddressLimit::new(1, WINDOW);
            assert_eq!(limit.admit(ip("2001:db8::1")), Ok(()));
            assert_eq!(limit.admit(ip("2001:db8::ffff:2")), Err(WINDOW));
            assert_eq!(limit.admit(ip("2001:db8:0:1::1")), Ok(()));
            assert_eq!(limit.admit(ip("203.0.113.9")), Ok(()));
            assert_eq!(limit.admit(ip("::ffff:203.0.113.9")), Err(WINDOW));
        });
    }

    #[test]
    fn memory_is_bounded_and_a_flood_of_addresses_locks_no_other_out() {
        paused(async {
            let mut limit = AddressLimit::new(1, WINDOW);
            for number in 0..100_000 {
                assert_eq!(limit.admit(IpAddr::from(u32::to_be_bytes(number))), Ok(()));
                assert!(limit.windows.len() <= ADDRESSES_MAX);
            }
            assert_eq!(
                (limit.windows.len(), limit.order.len()),
                (ADDRESSES_MAX, ADDRESSES_MAX)
            );
            advance(WINDOW).await;
            assert_eq!(limit.admit(ip("203.0.113.9")), Ok(()));
            assert_eq!((limit.windows.len(), limit.order.len()), (1, 1));
        });
    }
}
