//! [`Labels`]: what tells cameras of the same name apart, for people.
//!
//! People choose names (¶53), and two of them may choose the same one. The identity is a number
//! nobody reads, so each such camera is given what differs and can be read: its port on the router,
//! else the end of its address.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Camera, Fleet};

/// A few characters for each camera whose name is not its own: `port 8081`, or `address …12`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<SocketAddrV4, String>);

impl Labels {
    /// The labels of a fleet. Names that differ only in case or white space count as the same:
    /// people take them so.
    pub fn of(fleet: &Fleet) -> Self {
        let mut namesakes: BTreeMap<String, Vec<&Camera>> = BTreeMap::new();
        for camera in &fleet.cameras {
            namesakes
                .entry(as_heard(&camera.name))
                .or_default()
                .push(camera);
        }
        let groups = namesakes.values().filter(|group| group.len() > 1);
        let labels = groups.flat_map(|group| {
            let label = |camera: &&Camera| (camera.lan, label(camera, group));
            group.iter().map(label).collect::<Vec<_>>()
        });
        Self(labels.collect())
    }

    /// What to say beside this camera's name; nothing where the name is enough.
    pub fn get(&self, camera: &Camera) -> Option<&str> {
        self.0.get(&camera.lan).map(String::as_str)
    }

    /// The name with its label, where one is needed.
    pub fn full_name(&self, camera: &Camera) -> String {
        match self.get(camera) {
            Some(label) => format!("{} ({label})", camera.name),
            None => camera.name.clone(),
        }
    }
}

/// What is left of a name when it is read aloud.
fn as_heard(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn label(camera: &Camera, group: &[&Camera]) -> String {
    let others = || group.iter().filter(|other| other.lan != camera.lan);
    if let Some(port) = camera.external
        && others().all(|other| other.external != Some(port))
    {
        return format!("port {port}");
    }
    let address = *camera.lan.ip();
    let differs = |octets: &usize| {
        let tail = tail(address, *octets);
        others().all(|other| self::tail(*other.lan.ip(), *octets) != tail)
    };
    match (1..=4).find(differs) {
        Some(4) => format!("address {address}"),
        Some(octets) => format!("address …{}", tail(address, octets)),
        None => format!("address {}", camera.lan), // two servers on one machine
    }
}

/// The last so many numbers of an address.
fn tail(address: Ipv4Addr, octets: usize) -> String {
    let numbers = address.octets().map(|number| number.to_string());
    numbers[4 - octets..].join(".")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::fleet::{Activity, Locality, Presence, Scheme, Standing, Verification};
    use porthole_types::ExternalPort;

    fn camera(name: &str, lan: &str, external: Option<u16>) -> Camera {
        Camera {
            locality: Locality::OtherServer,
            id: None,
            name: name.to_owned(),
            lan: lan.parse().unwrap(),
            external: external.and_then(ExternalPort::new),
            standing: Standing::Member,
            activity: Activity::Idle,
            scheme: Scheme::Http,
            verification: Verification::Verified,
            sources: BTreeMap::new(),
            presence: Presence::Here,
            age: Duration::ZERO,
        }
    }

    fn labels(cameras: Vec<Camera>) -> Vec<Option<String>> {
        let fleet = Fleet { cameras };
        let labels = Labels::of(&fleet);
        let label = |camera| labels.get(camera).map(str::to_owned);
        fleet.cameras.iter().map(label).collect()
    }

    #[test]
    fn only_namesakes_are_labelled_and_by_their_ports_where_they_have_any() {
        let some = |text: &str| Some(text.to_owned());
        let cameras = vec![
            camera("Garden", "192.168.0.11:8080", Some(8080)),
            camera("Gate", "192.168.0.12:8080", Some(8081)),
            camera(" garden", "192.168.0.13:8080", Some(8082)),
            camera("Garden", "192.168.0.14:8080", None),
        ];
        let expected = vec![
            some("port 8080"),
            None,
            some("port 8082"),
            some("address …14"),
        ];
        assert_eq!(labels(cameras), expected);
    }

    #[test]
    fn as_much_of_the_address_is_shown_as_it_takes() {
        let some = |text: &str| Some(text.to_owned());
        let cameras = vec![
            camera("Garden", "192.168.0.11:8080", None),
            camera("Garden", "192.168.1.11:8080", None),
            camera("Garden", "192.168.1.12:8080", None),
            camera("Garden", "192.168.1.13:8080", None),
            camera("Garden", "192.168.1.13:8081", None),
        ];
        let expected = vec![
            some("address …0.11"),
            some("address …1.11"),
            some("address …12"),
            some("address 192.168.1.13:8080"),
            some("address 192.168.1.13:8081"),
        ];
        assert_eq!(labels(cameras), expected);
    }

    proptest! {
        #[test]
        fn no_two_cameras_have_both_name_and_label_in_common(
            cameras in prop::collection::btree_map(
                (0..3_u8, 0..3_u8, 80..82_u16), ("[ab]", prop::option::of(8080..8083_u16)), 0..12,
            ),
        ) {
            let cameras: Vec<_> = cameras
                .into_iter()
                .map(|((net, host, port), (name, external))| {
                    camera(&name, &format!("10.0.{net}.{host}:{port}"), external)
                })
                .collect();
            let names = cameras.iter().map(|camera| camera.name.clone()).collect::<Vec<_>>();
            let told: BTreeSet<_> = names.iter().zip(labels(cameras)).collect();
            prop_assert_eq!(told.len(), names.len());
        }
    }
}
