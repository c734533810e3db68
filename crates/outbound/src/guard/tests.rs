//! One table of spellings, one of addresses, and what the operator may add.

use super::*;

#[test]
fn strict_guard_reads_every_spelling_as_it_is_called() {
    for (url, refusal) in SPELLINGS {
        let found = Guard::default().admit(url).err().map_or_else(String::new, |refusal| refusal.to_string());
        assert_eq!(found, *refusal, "{url:?}");
    }
}

#[test]
fn classes_of_addresses_follow_the_registries() {
    for (address, class) in CLASSES {
        assert_eq!(AddressClass::of(address.parse().unwrap()), *class, "{address}");
    }
}

#[test]
fn loopback_opens_this_machine_and_nothing_else() {
    let guard = Guard { allow_loopback: true, ..Guard::default() };
    for url in ["http://127.0.0.1:9000/", "http://[::1]:9000/", "http://localhost:9000/", "http://idp.localhost/", "https://127.8.8.8/"] {
        assert!(guard.admit(url).is_ok(), "{url}");
    }
    assert_eq!(guard.admit("http://idp.example/").err(), Some(Blocked::NotHttps));
    assert_eq!(guard.admit("http://localhost.evil.example/").err(), Some(Blocked::NotHttps));
    for url in ["https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://169.254.169.254/"] {
        assert!(matches!(guard.admit(url), Err(Blocked::Address { .. })), "{url}");
    }
}

#[test]
fn named_network_is_open_by_https_only_and_without_metadata() {
    let networks: Vec<IpNet> = ["10.1.0.0/16", "169.254.0.0/16", "64:ff9b::/96"].map(|text| text.parse().unwrap()).into();
    let guard = Guard::default().with_networks(networks);
    assert!(guard.admit("https://10.1.2.3/").is_ok());
    assert_eq!(guard.admit("http://10.1.2.3/").err(), Some(Blocked::NotHttps));
    assert!(guard.admit("https://10.2.0.1/").is_err());
    assert!(guard.admit("https://169.254.1.1/").is_ok());
    assert!(guard.admit("https://169.254.169.254/").is_err());
    // A translator would take these apart, so what is inside counts.
    assert!(guard.admit("https://[64:ff9b::8.8.8.8]/").is_ok());
    assert!(guard.admit("https://[64:ff9b::10.1.2.3]/").is_ok());
    assert!(guard.admit("https://[64:ff9b::169.254.169.254]/").is_err());
    assert!(guard.admit("https://[64:ff9b::127.0.0.1]/").is_err());
}

#[test]
fn metadata_service_opens_only_when_named_alone() {
    let guard = Guard::default().with_networks(["169.254.169.254/32".parse().unwrap()]);
    assert!(guard.admit("https://169.254.169.254/").is_ok());
    assert!(guard.admit("https://169.254.169.253/").is_err());
}

#[test]
fn cloud_guard_opens_the_metadata_services_by_their_literals_and_nothing_else_in_plain() {
    let guard = Guard::for_cloud();
    for url in
        ["http://169.254.169.254/latest/api/token", "http://169.254.170.2/v2", "http://169.254.170.23/v1", "http://[fd00:ec2::23]/v1"]
    {
        assert!(guard.admit(url).is_ok(), "{url}");
        assert!(Guard::for_own_servers().admit(url).is_err(), "{url}");
    }
    // A name could be made to lead anywhere; and the other metadata services have no identity of ours.
    assert_eq!(guard.admit("http://metadata.google.internal/").err(), Some(Blocked::NotHttps));
    for url in ["http://10.0.0.1/", "http://8.8.8.8/", "http://169.254.169.253/", "http://100.100.100.200/"] {
        assert!(guard.admit(url).is_err(), "{url}");
    }
}

#[test]
fn operators_own_literal_is_admitted_and_only_that() {
    assert_eq!(Guard::for_operator("https://idp.example/"), Guard::default());
    assert_eq!(Guard::for_operator("https://8.8.8.8/"), Guard::default());
    assert_eq!(Guard::for_operator("no URL"), Guard::default());
    for url in ["http://127.0.0.1:9000/", "http://localhost:9000", "http://[::1]/"] {
        let guard = Guard::for_operator(url);
        assert!(guard.admit(url).is_ok(), "{url}");
        assert!(guard.admit("https://10.0.0.1/").is_err());
    }
    let guard = Guard::for_operator("https://10.0.0.1/");
    assert!(guard.admit("https://10.0.0.1/keys").is_ok());
    assert!(guard.admit("https://10.0.0.2/").is_err());
    assert!(guard.admit("https://127.0.0.1/").is_err());
}

#[test]
fn url_over_2048_bytes_is_refused() {
    let url = |length: usize| format!("https://idp.example/{}", "a".repeat(length - "https://idp.example/".len()));
    assert!(Guard::default().admit(&url(2048)).is_ok());
    assert_eq!(Guard::default().admit(&url(2049)).err(), Some(Blocked::TooLong));
}

#[test]
fn target_is_called_as_it_was_read() {
    let target = Guard::default().admit("https://IDP.example:443/a b".replace(' ', "%20").as_str()).unwrap();
    assert_eq!(target.authority(), "idp.example");
    assert_eq!(target.origin_form(), "/a%20b");
    assert_eq!((target.port(), target.is_secure()), (443, true));
    let target = Guard { allow_loopback: true, ..Guard::default() }.admit("http://[::1]:9000?q=1#top").unwrap();
    assert_eq!(target.authority(), "[::1]:9000");
    assert_eq!(target.origin_form(), "/?q=1");
}

/// A URL, and why a strict guard refuses it before any lookup; empty if it admits it.
const SPELLINGS: &[(&str, &str)] = &[
    // Plain ones.
    ("https://idp.example", ""),
    ("https://idp.example:8443/t1/keys?v=2", ""),
    ("https://IDP.Example/", ""),
    ("https://bücher.example/", ""),
    ("https://8.8.8.8/", ""),
    ("https://[2606:4700:4700::1111]/", ""),
    // Names are judged by what they resolve to, so these pass here.
    ("https://localhost.evil.example/", ""),
    ("https://127.0.0.1.evil.example/", ""),
    ("https://localhost/", ""),
    // Schemes.
    ("http://idp.example/", NOT_HTTPS),
    ("http://localhost/", NOT_HTTPS),
    ("http://localhost.evil.example/", NOT_HTTPS),
    ("http://8.8.8.8/", NOT_HTTPS),
    ("ftp://idp.example/", NOT_HTTPS),
    ("file:///etc/passwd", NOT_HTTPS),
    ("gopher://idp.example/", NOT_HTTPS),
    ("javascript:alert(1)", NOT_HTTPS),
    ("data:application/json,{}", NOT_HTTPS),
    // No URLs.
    ("idp.example/keys", NO_URL),
    ("//idp.example/keys", NO_URL),
    ("https://", NO_URL),
    ("https://[::1", NO_URL),
    ("https://[fe80::1%25eth0]/", NO_URL),
    ("https://256.0.0.1/", NO_URL),
    ("https://idp.example:99999/", NO_URL),
    // Spellings on which readers differ.
    (" https://idp.example/", ODD),
    ("https://idp\n.example/", ODD),
    ("https://idp.example/\tx", ODD),
    ("https:\\\\idp.example\\", ODD),
    ("https://idp.example\\@127.0.0.1/", ODD),
    ("https://idp.example./", ODD),
    ("https://localhost./", ODD),
    ("https://idp.example\u{a0}/", ODD),
    // Somebody in front of the host.
    ("https://user@idp.example/", USERINFO),
    ("https://:password@idp.example/", USERINFO),
    ("https://idp.example@127.0.0.1/", USERINFO),
    ("https://idp.example%00@127.0.0.1/", USERINFO),
    ("https://127.0.0.1#@idp.example/", LOOPBACK),
    ("https://127.0.0.1?@idp.example/", LOOPBACK),
    // This machine, in every number system that a reader of URLs knows.
    ("https://127.0.0.1/", LOOPBACK),
    ("https://127.0.0.1./", LOOPBACK),
    ("https://2130706433/", LOOPBACK),
    ("https://0x7f000001/", LOOPBACK),
    ("https://0x7f.1/", LOOPBACK),
    ("https://017700000001/", LOOPBACK),
    ("https://0177.0.0.01/", LOOPBACK),
    ("https://127.1/", LOOPBACK),
    ("https://%31%32%37.0.0.1/", LOOPBACK),
    ("https://１２７.0.0.1/", LOOPBACK),
    ("https://①②⑦.0.0.1/", LOOPBACK),
    ("https://127。0。0。1/", LOOPBACK),
    ("https://[::1]/", "::1 is a loopback address"),
    ("https://[0:0:0:0:0:0:0:1]/", "::1 is a loopback address"),
    ("https://0/", "0.0.0.0 is an unspecified address"),
    ("https://[::]/", ":: is an unspecified address"),
    // The metadata service.
    ("https://169.254.169.254/latest/meta-data/", METADATA),
    ("https://2852039166/", METADATA),
    ("https://0xa9fea9fe/", METADATA),
    ("https://0251.0376.0251.0376/", METADATA),
    // The same places inside IPv6.
    ("https://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1 is an IPv4 address inside an IPv6 one"),
    ("https://[::ffff:a9fe:a9fe]/", "::ffff:169.254.169.254 is an IPv4 address inside an IPv6 one"),
    ("https://[::127.0.0.1]/", "::7f00:1 is an IPv4 address inside an IPv6 one"),
    ("https://[64:ff9b::169.254.169.254]/", "64:ff9b::a9fe:a9fe is an IPv4 address inside an IPv6 one"),
    ("https://[2002:7f00:1::]/", "2002:7f00:1:: is an IPv4 address inside an IPv6 one"),
    ("https://[::ffff:8.8.8.8]/", "::ffff:8.8.8.8 is an IPv4 address inside an IPv6 one"),
];

const NOT_HTTPS: &str = "it is not https";
const NO_URL: &str = "it is not a URL with a host";
const ODD: &str = "it is spelled in a way that readers differ on";
const USERINFO: &str = "it carries a user name or password";
const LOOPBACK: &str = "127.0.0.1 is a loopback address";
const METADATA: &str = "169.254.169.254 is a cloud metadata address";

const CLASSES: &[(&str, AddressClass)] = &[
    ("1.1.1.1", AddressClass::Public),
    ("9.255.255.255", AddressClass::Public),
    ("11.0.0.0", AddressClass::Public),
    ("100.63.255.255", AddressClass::Public),
    ("100.128.0.0", AddressClass::Public),
    ("172.15.255.255", AddressClass::Public),
    ("172.32.0.0", AddressClass::Public),
    ("192.167.255.255", AddressClass::Public),
    ("223.255.255.255", AddressClass::Public),
    ("0.0.0.0", AddressClass::Unspecified),
    ("0.1.2.3", AddressClass::Unspecified),
    ("10.0.0.1", AddressClass::Private),
    ("172.16.0.1", AddressClass::Private),
    ("172.31.255.255", AddressClass::Private),
    ("192.168.1.1", AddressClass::Private),
    ("100.64.0.1", AddressClass::SharedSpace),
    ("100.127.255.255", AddressClass::SharedSpace),
    ("127.255.255.254", AddressClass::Loopback),
    ("169.254.1.1", AddressClass::LinkLocal),
    ("169.254.170.2", AddressClass::CloudMetadata),
    ("168.63.129.16", AddressClass::CloudMetadata),
    ("100.100.100.200", AddressClass::CloudMetadata),
    ("192.0.0.192", AddressClass::CloudMetadata),
    ("192.0.0.1", AddressClass::Reserved),
    ("192.88.99.1", AddressClass::Reserved),
    ("192.0.2.1", AddressClass::Documentation),
    ("198.51.100.1", AddressClass::Documentation),
    ("203.0.113.1", AddressClass::Documentation),
    ("198.19.255.255", AddressClass::Benchmarking),
    ("224.0.0.1", AddressClass::Multicast),
    ("239.255.255.255", AddressClass::Multicast),
    ("240.0.0.1", AddressClass::Reserved),
    ("255.255.255.255", AddressClass::Reserved),
    ("2000::1", AddressClass::Public),
    ("2001:200::1", AddressClass::Public),
    ("2606:4700::1", AddressClass::Public),
    ("3ffe::1", AddressClass::Public),
    ("::", AddressClass::Unspecified),
    ("::1", AddressClass::Loopback),
    ("::2", AddressClass::Translated),
    ("::ffff:10.0.0.1", AddressClass::Translated),
    ("::ffff:0:10.0.0.1", AddressClass::Translated),
    ("64:ff9b::1", AddressClass::Translated),
    ("64:ff9b:1::1", AddressClass::Translated),
    ("2001::1", AddressClass::Translated),
    ("2002:a00:1::", AddressClass::Translated),
    ("2001:2::1", AddressClass::Reserved),
    ("2001:20::1", AddressClass::Reserved),
    ("2001:db8::1", AddressClass::Documentation),
    ("3fff:fff::1", AddressClass::Documentation),
    ("100::1", AddressClass::Reserved),
    ("5f00::1", AddressClass::Reserved),
    ("4000::1", AddressClass::Reserved),
    ("fc00::1", AddressClass::Private),
    ("fd12:3456::1", AddressClass::Private),
    ("fec0::1", AddressClass::Private),
    ("fd00:ec2::254", AddressClass::CloudMetadata),
    ("fe80::1", AddressClass::LinkLocal),
    ("febf::1", AddressClass::LinkLocal),
    ("ff02::1", AddressClass::Multicast),
];

#[test]
fn an_operators_own_server_may_be_anywhere_but_in_the_clear_or_a_metadata_service() {
    let guard = Guard::for_own_servers();
    for url in ["https://vault.example", "https://10.1.2.3:8200/v1", "http://127.0.0.1:8200", "http://localhost:8200", "https://[fd00::1]/"]
    {
        assert!(guard.admit(url).is_ok(), "{url}");
    }
    for url in
        ["http://10.1.2.3:8200/v1", "http://vault.example", "https://169.254.169.254/", "https://[fd00:ec2::254]/", "ftp://127.0.0.1"]
    {
        assert!(guard.admit(url).is_err(), "{url}");
    }
    assert!(guard.permits("169.254.169.254".parse().unwrap()).is_err());
    assert!(guard.permits("192.168.1.1".parse().unwrap()).is_ok());
}
