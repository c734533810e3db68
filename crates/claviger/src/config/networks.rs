//! Which networks are meant? Lists of them, as a person writes them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::file;
use super::judge::Judge;
use super::tree::Path;

/// Reads `[outbound]`. What is wrong is left out and blamed.
pub(crate) fn allowed(written: &file::Outbound, judge: &mut Judge<'_>) -> Vec<IpNet> {
    let path = Path::default().key("outbound").key("allowed_networks");
    let everything = "this is every address there is: whoever writes an issuer's metadata could send the door anywhere";
    networks(&path, &written.allowed_networks, everything, judge).unwrap_or_default()
}

/// Reads a list of networks and addresses; `None` when one is wrong. `everything` is what is wrong with a network of all addresses.
pub(crate) fn networks(path: &Path, texts: &[String], everything: &str, judge: &mut Judge<'_>) -> Option<Vec<IpNet>> {
    let read: Vec<_> = texts.iter().enumerate().map(|(index, text)| network(&path.index(index), text, everything, judge)).collect();
    read.into_iter().collect()
}

fn network(path: &Path, text: &str, everything: &str, judge: &mut Judge<'_>) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let what = match network {
        Some(network) if network.prefix_len() > 0 => return Some(network),
        Some(_) => everything,
        None => "a network such as `10.0.0.0/8` or an address is expected",
    };
    judge.blame(path, what);
    None
}

#[cfg(test)]
mod tests {
    use super::super::fault::Faults;
    use super::{Judge, allowed, file};

    fn read(networks: &[&str]) -> (Vec<String>, Vec<String>) {
        let written = file::Outbound { allowed_networks: networks.iter().map(|text| (*text).to_owned()).collect() };
        let mut faults = Faults::default();
        let allowed = allowed(&written, &mut Judge::new(None, &mut faults));
        (allowed.iter().map(ToString::to_string).collect(), faults.messages().iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn networks_and_single_addresses_are_read() {
        let (networks, faults) = read(&["10.20.0.0/16", "192.168.7.9", "fd00:20::/32"]);
        assert_eq!(networks, ["10.20.0.0/16", "192.168.7.9/32", "fd00:20::/32"]);
        assert_eq!(faults, [""; 0]);
    }

    #[test]
    fn every_address_and_no_address_are_blamed_at_their_places() {
        let (networks, faults) = read(&["0.0.0.0/0", "10.20.0.0/16", "::/0", "idp.example", "10.20.0.0/40"]);
        assert_eq!(networks, [""; 0], "a list with a fault opens nothing");
        let (everything, nothing) = ("this is every address there is", "a network such as `10.0.0.0/8` or an address is expected");
        for (found, (index, expected)) in faults.iter().zip([(0, everything), (2, everything), (3, nothing), (4, nothing)]) {
            assert!(found.starts_with(&format!("`outbound.allowed_networks[{index}]`: {expected}")), "{found}");
        }
        assert_eq!(faults.len(), 4);
    }
}
