//! The messages, and reading them without trusting them.

use serde::{Deserialize, Serialize};

use crate::fleet::Activity;
use crate::ids::{ExternalPort, InstanceId, InternalPort, Term};
use crate::metrics::Rejection;

/// No datagram is longer, so that none is ever fragmented.
pub const MAX_DATAGRAM: usize = 1200;

/// The version this program speaks. Another one is counted and passed over.
const VERSION: u16 = 1;

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// Longest line about what a camera is doing, in characters.
const MAX_DETAIL: usize = 160;

/// "This is me, and there I can be reached" (¶47: the port number notice).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who speaks.
    pub id: InstanceId,
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its web server's port on the LAN; the address is the datagram's own.
    pub http_port: InternalPort,
    /// Its port on the router, if it has one.
    pub external: Option<ExternalPort>,
    /// The highest term it knows of.
    pub term: Term,
    /// What its camera is doing.
    pub activity: Activity,
}

/// The envelope: the version stands beside the message, so that it can be read alone.
#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    porthole: u16,
    report: T,
}

#[derive(Deserialize)]
struct VersionOnly {
    porthole: u16,
}

/// Why a datagram was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Longer than any message.
    #[error("longer than {MAX_DATAGRAM} bytes")]
    TooLong,
    /// Not one of ours, or broken.
    #[error("not a message of this protocol")]
    Malformed,
    /// Of a version that this program does not speak.
    #[error("of another version of the protocol")]
    Version,
}

impl Rejected {
    /// The label of the counter.
    pub fn label(self) -> Rejection {
        match self {
            Self::TooLong => Rejection::TooLong,
            Self::Malformed => Rejection::Malformed,
            Self::Version => Rejection::Version,
        }
    }
}

impl Report {
    /// As a datagram, cut to what is allowed rather than refused: one's own long name must not silence one.
    pub fn encode(&self) -> Vec<u8> {
        let mut report = self.clone();
        report.tame();
        let envelope = Envelope { porthole: VERSION, report };
        // A struct of strings and numbers always serialises; an empty datagram would be passed over.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// From a datagram.
    ///
    /// # Errors
    /// Whatever is not a whole message of this version.
    pub fn decode(datagram: &[u8]) -> Result<Self, Rejected> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(Rejected::TooLong);
        }
        let version: VersionOnly =
            serde_json::from_slice(datagram).map_err(|_| Rejected::Malformed)?;
        if version.porthole != VERSION {
            return Err(Rejected::Version);
        }
        let envelope: Envelope<Self> =
            serde_json::from_slice(datagram).map_err(|_| Rejected::Malformed)?;
        let mut report = envelope.report;
        report.tame();
        Ok(report)
    }

    /// Texts from the LAN end up on pages and in logs: no control characters, and no longer than allowed.
    fn tame(&mut self) {
        self.name = tamed(&self.name, MAX_NAME);
        if let Activity::Live(detail) | Activity::Failed(detail) = &mut self.activity {
            *detail = tamed(detail, MAX_DETAIL);
        }
    }
}

fn tamed(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(name: &str, detail: &str) -> Report {
        Report {
            id: InstanceId(7),
            name: name.into(),
            http_port: InternalPort::new(8080).unwrap(),
            external: ExternalPort::new(8081),
            term: Term(3),
            activity: Activity::Live(detail.into()),
        }
    }

    #[test]
    fn the_longest_report_still_fits_a_datagram() {
        // Four bytes a character is the worst that UTF-8 does, a quotation mark the worst of JSON.
        for character in ["\u{1F4F7}", "\"", "\u{7f}"] {
            let long = report(&character.repeat(500), &character.repeat(500));
            let datagram = long.encode();
            assert!(datagram.len() <= MAX_DATAGRAM, "{} bytes", datagram.len());
            assert!(Report::decode(&datagram).is_ok());
        }
    }

    #[test]
    fn another_version_is_told_from_noise() {
        assert_eq!(Report::decode(br#"{"porthole":2,"inquiry":{}}"#), Err(Rejected::Version));
        assert_eq!(Report::decode(b"hello"), Err(Rejected::Malformed));
        assert_eq!(Report::decode(&[b' '; MAX_DATAGRAM + 1]), Err(Rejected::TooLong));
    }

    #[test]
    fn control_characters_do_not_come_through() {
        let read = Report::decode(&report("a\u{1b}[31mb\n", "x").encode()).unwrap();
        assert_eq!(read.name, "a[31mb");
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_read(name in "[^\\p{Cc}]{0,64}", detail in "[^\\p{Cc}]{0,40}") {
            let sent = report(&name, &detail);
            prop_assert_eq!(Report::decode(&sent.encode()).unwrap(), sent);
        }

        #[test]
        fn noise_is_refused_without_a_panic(datagram in prop::collection::vec(any::<u8>(), 0..1400)) {
            let _ = Report::decode(&datagram);
        }
    }
}
