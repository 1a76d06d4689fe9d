//! Addresses to which a client may connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of cloud providers' metadata services that are not link-local.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Addresses to which a client may connect. Link-local, metadata, multicast and unspecified
/// addresses are always refused; those of private networks are not, since a Scanner often has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Whether the client may connect to its own machine.
    pub allows_loopback: bool,
    /// Whether the client may connect to other machines: not without TLS.
    pub allows_remote: bool,
}

/// An address to which a client must not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind}, to which no connection is made")]
pub struct RefusedAddress {
    /// Address that was refused.
    pub address: IpAddr,
    /// Kind of the address.
    pub kind: &'static str,
}

impl AddressPolicy {
    /// Checks an address.
    ///
    /// # Errors
    /// It is refused.
    pub fn check(self, address: IpAddr) -> Result<(), RefusedAddress> {
        match self.refusal(embedded_ipv4(address)) {
            Some(kind) => Err(RefusedAddress { address, kind }),
            None => Ok(()),
        }
    }

    fn refusal(self, address: IpAddr) -> Option<&'static str> {
        let (is_link_local, is_broadcast) = match address {
            IpAddr::V4(address) => (address.is_link_local(), address.is_broadcast()),
            IpAddr::V6(address) => (address.is_unicast_link_local(), false),
        };
        if address.is_unspecified() {
            Some("an unspecified address")
        } else if METADATA.contains(&address) {
            Some("the address of a metadata service")
        } else if is_link_local {
            Some("a link-local address")
        } else if address.is_multicast() || is_broadcast {
            Some("a multicast address")
        } else if address.is_loopback() && !self.allows_loopback {
            Some("a loopback address, which `allowLoopback` does not allow")
        } else if !address.is_loopback() && !self.allows_remote {
            Some("not on this machine, and `http` is not encrypted")
        } else {
            None
        }
    }
}

/// Returns the IPv4 address that an IPv6 address maps to or translates to; other addresses as they
/// are.
fn embedded_ipv4(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    match v6.octets() {
        // The well-known prefix of NAT64, 64:ff9b::/96.
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => address.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(policy: AddressPolicy, address: &str) -> bool {
        policy.check(address.parse().unwrap()).is_err()
    }

    #[test]
    fn addresses_that_lead_to_no_scanner_are_always_refused() {
        let open = AddressPolicy {
            allows_loopback: true,
            allows_remote: true,
        };
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(refused(open, address), "{address} was taken");
        }
        for address in [
            "10.1.2.3",
            "192.168.0.1",
            "127.0.0.1",
            "::1",
            "203.0.113.9",
            "fd00::1",
        ] {
            assert!(!refused(open, address), "{address} was refused");
        }
    }

    #[test]
    fn loopback_and_other_machines_need_permission() {
        let remote = AddressPolicy {
            allows_loopback: false,
            allows_remote: true,
        };
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(refused(remote, address), "{address} was taken");
        }
        let local = AddressPolicy {
            allows_loopback: true,
            allows_remote: false,
        };
        assert!(refused(local, "10.1.2.3") && !refused(local, "127.0.0.1"));
    }
}
