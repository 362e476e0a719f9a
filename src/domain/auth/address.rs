//! The address of the client, seen through trusted proxies.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Whether a setting names an address or a network, such as `10.0.0.0/8`.
#[must_use]
pub fn is_network(text: &str) -> bool {
    network(text).is_some()
}

/// The network that a setting names; an address is a network of one.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether this is the address of a trusted proxy.
#[must_use]
pub fn is_trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|network| network.contains(&address))
}

/// Address of the client: the peer, or what the last trusted proxy in `X-Forwarded-For` saw. Entries before that
/// may be made up by anybody.
#[must_use]
pub fn client(peer: IpAddr, forwarded_for: &[&str], proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let entries = forwarded_for.iter().flat_map(|line| line.split(',')).map(str::trim);
    for entry in entries.rev() {
        if !is_trusted(client, proxies) {
            break;
        }
        let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
        let address = entry.trim_matches(['[', ']']).parse::<IpAddr>().ok().or_else(with_port);
        let Some(address) = address else { break };
        client = address.to_canonical();
    }
    client
}

/// The network that limits count as one client: a host of IPv6 has a whole /64 (RFC 4291, section 2.5.4).
#[must_use]
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_have_seen_counts() {
        let proxies = [network("127.0.0.1").unwrap(), network("10.0.0.0/8").unwrap()];
        let table: [(&str, &[&str], &str); 11] = [
            ("127.0.0.1", &["192.0.2.1:5678"], "192.0.2.1"),
            ("127.0.0.1", &["[2001:db8::1]:5678"], "2001:db8::1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["198.51.100.9", "192.0.2.1, 10.1.1.1"], "192.0.2.1"),
            ("192.0.2.7", &["127.0.0.1"], "192.0.2.7"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.1.1.1", &["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
        ];
        for (peer, forwarded, expected) in table {
            let found = client(peer.parse().unwrap(), forwarded, &proxies);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_subscriber_has_an_address_or_a_network_of_ipv6() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ];
        for (address, expected) in table {
            let found = subscriber(address.parse().unwrap());
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{address}");
        }
        assert!(is_network("10.0.0.0/8") && is_network("::1") && !is_network("proxy"));
    }
}
