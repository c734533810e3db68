//! What kind of place is this address, and whose neighbours are one host? Decides which addresses a discovered URL may lead to.
//!
//! The lists are the IANA special-purpose registries (RFC 6890 and its updates), read the strict way: for IPv4
//! everything named there is special; for IPv6 everything outside global unicast (2000::/3) is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address. Only [`AddressClass::Public`] may be reached without the operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressClass {
    /// Network testing (198.18.0.0/15, 2001:2::/48 lies in `Reserved`).
    Benchmarking,
    /// A cloud's metadata service: the classic prize of a forged request.
    CloudMetadata,
    /// Written in books, never on a wire.
    Documentation,
    /// 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// This machine.
    Loopback,
    /// One to many.
    Multicast,
    /// RFC 1918 and unique local addresses.
    Private,
    /// A place on the public internet.
    Public,
    /// Set aside by IANA for something else.
    Reserved,
    /// Carrier-grade NAT, 100.64.0.0/10.
    SharedSpace,
    /// An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo): a second spelling of a place
    /// that has its own.
    Translated,
    /// No address: 0.0.0.0/8 and `::`, which many systems take for this machine.
    Unspecified,
}

impl AddressClass {
    /// Classifies `address` as it is written; nothing is unwrapped first.
    pub fn of(address: IpAddr) -> Self {
        if METADATA.contains(&address) {
            return Self::CloudMetadata;
        }
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Benchmarking => "a benchmarking address",
            Self::CloudMetadata => "a cloud metadata address",
            Self::Documentation => "a documentation address",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address",
            Self::Multicast => "a multicast address",
            Self::Private => "a private address",
            Self::Public => "a public address",
            Self::Reserved => "a reserved address",
            Self::SharedSpace => "a carrier-grade NAT address",
            Self::Translated => "an IPv4 address inside an IPv6 one",
            Self::Unspecified => "an unspecified address",
        })
    }
}

/// What counts as one address where callers are counted: an IPv4 address, or the whole /64 of an IPv6 one, in which a host takes whichever it likes.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

/// The IPv4 address that a translator would take out of a NAT64 address with the well-known prefix (RFC 6052 §2.1),
/// or that a mapped address stands for (RFC 4291 §2.5.5.2).
pub(crate) fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [high, low @ ..] = address.segments();
    let nat64 = high == 0x0064 && matches!(low, [0xff9b, 0, 0, 0, 0, _, _]);
    let [.., a, b, c, d] = address.octets();
    (nat64 || address.to_ipv4_mapped().is_some()).then_some(Ipv4Addr::new(a, b, c, d))
}

fn of_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::SharedSpace,
        [169, 254, ..] => AddressClass::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressClass::Documentation,
        [198, 18..=19, ..] => AddressClass::Benchmarking,
        // 192.0.0.0/24 is for IETF protocols; 192.88.99.0/24 was the 6to4 relay (RFC 7526).
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => AddressClass::Reserved,
        [224..=239, ..] => AddressClass::Multicast,
        _ => AddressClass::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressClass {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        // Compatible and mapped (RFC 4291), the SIIT form (RFC 2765), NAT64 with the well-known prefix (RFC 6052) and
        // with a local one (RFC 8215), Teredo (RFC 4380), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x0064, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => {
            AddressClass::Translated
        }
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => AddressClass::Documentation,
        // IETF protocol assignments, 2001::/23.
        [0x2001, 0..=0x01ff, ..] => AddressClass::Reserved,
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        // Unique local (fc00::/7) and the abandoned site-local (fec0::/10).
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        _ => AddressClass::Reserved,
    }
}

/// Metadata services by address. Two of them lie in public or otherwise ordinary space, so a class of addresses would
/// not catch them.
const METADATA: [IpAddr; 7] = [
    // AWS, Azure, Google, DigitalOcean, OpenStack and most others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // AWS container credentials.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    // AWS pod identity.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Azure's wire server, in public space.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Alibaba.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Oracle.
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // AWS over IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_address_however_many_it_takes() {
        for (address, network) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(network_of(address.parse().unwrap()), network.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
