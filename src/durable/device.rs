//! Which device this is, as far as a copied data directory could tell.
//!
//! A camera set up as a copy of another (one memory card written twice) would claim the other's
//! identity: each would take the other's messages for its own. The addresses burnt into the network
//! cards tell them apart.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the kernel lists the network cards.
const CARDS: &str = "/sys/class/net";

/// More network cards than any machine has.
const MAX_CARDS: usize = 32;

/// The burnt-in addresses of this device's network cards; none where all are made up, as in a
/// container.
pub(super) fn addresses() -> BTreeSet<String> {
    addresses_in(Path::new(CARDS))
}

fn addresses_in(cards: &Path) -> BTreeSet<String> {
    let Ok(cards) = fs::read_dir(cards) else {
        return BTreeSet::new(); // nothing is known: no copy is noticed
    };
    cards
        .flatten()
        .filter_map(|card| fs::read_to_string(card.path().join("address")).ok())
        .map(|address| address.trim().to_ascii_lowercase())
        .filter(|address| is_burnt_in(address))
        .take(MAX_CARDS)
        .collect()
}

/// Whether the maker gave the address: the lowest two bits of the first byte mark groups and
/// addresses that software made up (IEEE 802, 8.2.2).
fn is_burnt_in(address: &str) -> bool {
    let bytes: Option<Vec<u8>> = address
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect();
    bytes.is_some_and(|bytes| {
        bytes.len() == 6 && bytes.iter().any(|byte| *byte != 0) && bytes[0] % 4 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_the_maker_gave_tell_devices_apart() {
        let folder = tempfile::tempdir().unwrap();
        for (card, address) in [
            ("eth0", "B8:27:EB:01:02:03\n"),
            ("veth1", "92:00:11:22:33:44\n"),
            ("lo", "00:00:00:00:00:00\n"),
            ("ib0", "80:00:02:08:fe:80:00:00\n"),
            ("odd", "no address\n"),
        ] {
            fs::create_dir(folder.path().join(card)).unwrap();
            fs::write(folder.path().join(card).join("address"), address).unwrap();
        }
        let known: Vec<_> = addresses_in(folder.path()).into_iter().collect();
        assert_eq!(known, ["b8:27:eb:01:02:03"]);
        assert!(addresses_in(&folder.path().join("nowhere")).is_empty());
    }
}
