//! [`Announcement`]: what this server registers in mDNS, and what has to be registered anew when
//! something about it has changed.

use super::{HTTP, PORTHOLE, label};
use crate::fleet::Myself;

/// The longest DNS label, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;

/// The longest value beside the longest key, in bytes: a string of a TXT record has 255 (RFC 6763,
/// 6.1).
const MAX_VALUE: usize = 240;

/// The keys of the TXT record, the same for both entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxtKey {
    /// The identity, 16 hexadecimal digits.
    Id,
    /// The program's version.
    Version,
    /// `http` or `https`.
    Scheme,
    /// The port on the router, where there is one.
    External,
    /// The camera's name.
    Name,
}

impl TxtKey {
    /// The key in the TXT record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Version => "version",
            Self::Scheme => "scheme",
            Self::External => "external",
            Self::Name => "name",
        }
    }
}

/// One entry of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its type, with the domain.
    pub kind: &'static str,
    /// Its first label, at most 63 bytes.
    pub instance: String,
    /// The web server's port on the LAN.
    pub port: u16,
    /// What its TXT record says.
    pub txt: Vec<(&'static str, String)>,
}

/// All entries of this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// One of each type.
    pub services: Vec<Service>,
}

/// The differences between one announcement and the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New entries, and those with other values under the same name.
    pub register: Vec<Service>,
    /// Entries whose name is not in use any more.
    pub unregister: Vec<Service>,
}

impl Announcement {
    /// The entries for `me`; `namesakes` are the names of the other cameras.
    pub fn of<'a>(me: &Myself, namesakes: impl IntoIterator<Item = &'a str>) -> Self {
        let external = me.external.map(|port| (TxtKey::External, port.to_string()));
        let txt: Vec<_> = [
            (TxtKey::Id, me.id.to_string()),
            (TxtKey::Version, env!("CARGO_PKG_VERSION").to_owned()),
            (TxtKey::Scheme, me.scheme.as_str().to_owned()),
            (TxtKey::Name, truncated(&me.name, MAX_VALUE).to_owned()),
        ]
        .into_iter()
        .chain(external)
        .map(|(key, value)| (key.as_str(), value))
        .collect();
        let service = |kind, instance| Service {
            kind,
            instance,
            port: me.lan.port(),
            txt: txt.clone(),
        };
        Self {
            services: vec![
                service(PORTHOLE, label(me.id)),
                service(HTTP, display_name(me, namesakes)),
            ],
        }
    }

    /// What to do where `before` was registered last.
    pub fn since(&self, before: &Self) -> Changes {
        let not_in = |others: &[Service], service: &Service| !others.contains(service);
        let unnamed_in = |others: &[Service], service: &Service| {
            let name = |service: &Service| (service.kind, service.instance.to_lowercase());
            !others.iter().any(|other| name(other) == name(service))
        };
        let choose = |from: &[Service],
                      others: &[Service],
                      wanted: &dyn Fn(&[Service], &Service) -> bool| {
            from.iter()
                .filter(|service| wanted(others, service))
                .cloned()
                .collect()
        };
        Changes {
            register: choose(&self.services, &before.services, &not_in),
            unregister: choose(&before.services, &self.services, &unnamed_in),
        }
    }
}

/// "Barn (Porthole)". Two cameras may have one name: each then shows the end of its identity too,
/// whichever was first, so that neither changes its name when the other starts again. DNS does not
/// tell capitals from small letters.
fn display_name<'a>(me: &Myself, namesakes: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |name: &str| with_suffix(name, " (Porthole)");
    let mine = plain(&me.name);
    let same = |name: &str| plain(name).to_lowercase() == mine.to_lowercase();
    if namesakes.into_iter().any(same) {
        with_suffix(
            &me.name,
            &format!(" (Porthole {})", &me.id.to_string()[12..]),
        )
    } else {
        mine
    }
}

fn with_suffix(name: &str, suffix: &str) -> String {
    format!(
        "{}{suffix}",
        truncated(name, MAX_LABEL - suffix.len()).trim_end()
    )
}

/// At most so many bytes, whole characters.
fn truncated(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;
    use crate::fleet::{Activity, Scheme, Standing};
    use porthole_types::{ExternalPort, InstanceId};

    fn me(name: &str) -> Myself {
        Myself {
            id: InstanceId(0xabcd),
            name: name.to_owned(),
            lan: SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 11), 8080),
            external: ExternalPort::new(8081),
            standing: Standing::Member,
            activity: Activity::Idle,
            scheme: Scheme::Http,
        }
    }

    fn instance(announcement: &Announcement) -> &str {
        &announcement.services[1].instance
    }

    #[test]
    fn people_see_the_cameras_name_and_the_cameras_its_identity() {
        let said = Announcement::of(&me("Barn"), []);
        let names: Vec<_> = said
            .services
            .iter()
            .map(|s| (s.kind, s.instance.as_str()))
            .collect();
        let expected = [
            ("_porthole._tcp.local.", "porthole-000000000000abcd"),
            ("_http._tcp.local.", "Barn (Porthole)"),
        ];
        assert_eq!(names, expected);
        let txt = &said.services[1].txt;
        let value = |key| txt.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str());
        assert_eq!(value("name"), Some("Barn"));
        assert_eq!(
            (value("scheme"), value("external")),
            (Some("http"), Some("8081"))
        );
        assert_eq!(value("id"), Some("000000000000abcd"));
    }

    #[test]
    fn two_cameras_with_one_name_are_told_apart_also_where_only_the_capitals_differ() {
        let barn = me("Barn");
        for namesake in ["Barn", "BARN"] {
            let said = Announcement::of(&barn, ["Attic", namesake]);
            assert_eq!(instance(&said), "Barn (Porthole abcd)");
        }
        assert_eq!(
            instance(&Announcement::of(&barn, ["Barn 2"])),
            "Barn (Porthole)"
        );
        let long = "門".repeat(60);
        let said = Announcement::of(&me(&format!("{long}a")), [format!("{long}b").as_str()]);
        assert!(
            instance(&said).ends_with("(Porthole abcd)"),
            "cut to the same"
        );
    }

    #[test]
    fn the_longest_names_fit() {
        for name in ["é", "門", "📷", "x"].map(|character| character.repeat(64)) {
            let said = Announcement::of(&me(&name), []);
            for service in &said.services {
                assert!(service.instance.len() <= MAX_LABEL, "{}", service.instance);
                for (key, value) in &service.txt {
                    assert!(key.len() + 1 + value.len() <= 255, "{key}={value}");
                }
            }
            assert!(instance(&said).ends_with(" (Porthole)"));
        }
    }

    #[test]
    fn only_what_has_changed_is_said_anew_and_only_an_old_name_is_taken_back() {
        let before = Announcement::of(&me("Barn"), []);
        assert_eq!(before.since(&before), Changes::default());
        assert_eq!(
            before.since(&Announcement::default()).register,
            before.services
        );

        let moved = Myself {
            external: ExternalPort::new(8080),
            ..me("Barn")
        };
        let moved = Announcement::of(&moved, []).since(&before);
        assert_eq!((moved.register.len(), moved.unregister.len()), (2, 0));

        let renamed = Announcement::of(&me("Attic"), []).since(&before);
        assert_eq!(
            renamed.register.len(),
            2,
            "the name is in the TXT record of both"
        );
        let taken_back: Vec<_> = renamed
            .unregister
            .iter()
            .map(|s| s.instance.as_str())
            .collect();
        assert_eq!(taken_back, ["Barn (Porthole)"]);

        let capitals = Announcement::of(&me("BARN"), []).since(&before);
        assert_eq!(capitals.unregister, [], "to DNS it is the same name");
        let namesake = Announcement::of(&me("Barn"), ["Barn"]).since(&before);
        assert_eq!((namesake.register.len(), namesake.unregister.len()), (1, 1));
    }
}
