//! The addresses that URLs of callers may lead to: those of the public internet.
//!
//! A URL that a caller names must not reach what is behind the appliance: its own ports, the network that it is in,
//! or the metadata service of a cloud. The rule is for the resolved address that is connected to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not on the public internet, as address and length of the prefix: the IANA registry of
/// special-purpose addresses, multicast and the reserved rest; and one that is a machine's own cloud.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // The services that Azure has for its machines.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks within the global unicast space of IPv6 (`2000::/3`) that are not on the public internet, as their first
/// two groups and the length of the prefix: protocol assignments with Teredo, documentation, 6to4.
const NOT_PUBLIC_V6: [(u32, u32); 4] =
    [(0x2001_0000, 23), (0x2001_0db8, 32), (0x2002_0000, 16), (0x3fff_0000, 20)];

/// Whether an address is on the public internet: not loopback, private, link-local, shared, reserved, for
/// documentation or multicast. An address that carries one of IPv4 (mapped, or translated by NAT64) counts as that.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &(Ipv4Addr, u32)| {
        let differing = address.to_bits() ^ network.to_bits();
        differing.leading_zeros() >= *bits
    };
    !NOT_PUBLIC_V4.iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, .., high, low] = address.segments();
    // RFC 6052: the well-known prefix of NAT64, 64:ff9b::/96.
    if address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    }
    let start = (u32::from(first) << 16) | u32::from(second);
    let is_in = |(network, bits): &(u32, u32)| (start ^ network).leading_zeros() >= *bits;
    first & 0xe000 == 0x2000 && !NOT_PUBLIC_V6.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_the_public_internet_are_told_from_all_others() {
        let table = [
            (true, "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255"),
            (
                true,
                "128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 192.167.0.1",
            ),
            (true, "198.17.255.255 198.20.0.0 223.255.255.255"),
            (true, "2606:4700:4700::1111 2a00:1450::1 64:ff9b::101:101 ::ffff:1.1.1.1 2001:200::1"),
            (
                false,
                "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255",
            ),
            (false, "168.63.129.16 ::ffff:168.63.129.16"),
            (false, "169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.7 192.168.1.1"),
            (false, "198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255"),
            (false, ":: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1"),
            (false, "64:ff9b::a9fe:a9fe 64:ff9b:1::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 100::1"),
            (false, "2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 4000::1"),
        ];
        for (expected, addresses) in table {
            for address in addresses.split(' ') {
                assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
            }
        }
    }

    proptest! {
        /// The standard library knows a part of the rule, and every public address passes it.
        #[test]
        fn no_address_that_the_standard_library_knows_is_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let is_known = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(is_known && is_public(address.into())), "{address}");
            prop_assert_eq!(is_public(address.into()), is_public(address.to_ipv6_mapped().into()));
        }
    }
}
