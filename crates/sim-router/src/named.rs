//! Every habit by name, for a command line to choose from and for tests to go through.
//!
//! Quirks combine: each sets its own fields of [`Quirks`] and leaves the others. Where two set the
//! same field, the later one counts.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::time::Duration;

use porthole_types::ExternalPort;

use crate::fault::Fault;
use crate::quirks::{
    Access, AddForOther, AfterReboot, AnswerSource, BodyEnd, ClientText, Conflict, ControlUrls,
    DeleteMissing, DeleteOfOther, DescriptionLead, Descriptions, Enablement, Encoding, EntryForm,
    Established, External, ExternalChange, FaultStatus, FirstLine, LeadsTo, LeaseClock, Leases,
    ListEnd, Listing, Order, PerInner, Quirks, Renewal, ReservedPorts, Residents, SearchAnswers,
    Services, Shown, SoapHeader, Specific, TableAfterReboot, Ticks, Visibility, WhenFull,
};

/// A habit that can be chosen by name.
#[derive(Clone, Copy, Debug)]
pub struct NamedQuirk {
    /// Words with hyphens between them; no two have the same.
    pub name: &'static str,
    /// What such a router does, in one line.
    pub what: &'static str,
    /// Gives a router this habit.
    pub set: fn(&mut Quirks),
}

impl NamedQuirk {
    /// Whether a router with these habits has this one.
    #[must_use]
    pub fn is_in_force(&self, quirks: &Quirks) -> bool {
        let mut with = *quirks;
        (self.set)(&mut with);
        with == *quirks
    }
}

/// The quirk of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static NamedQuirk> {
    QUIRKS.iter().find(|quirk| quirk.name == name)
}

/// The quirks that make a router with these habits differ from [`Quirks::igd2`].
pub fn in_force(quirks: &Quirks) -> impl Iterator<Item = &'static NamedQuirk> {
    let usual = Quirks::igd2();
    QUIRKS
        .iter()
        .filter(move |quirk| !quirk.is_in_force(&usual) && quirk.is_in_force(quirks))
}

const HOUR: NonZeroU32 = NonZeroU32::new(3_600).expect("an hour is not zero");
const DAY: NonZeroU32 = NonZeroU32::new(86_400).expect("a day is not zero");
/// As many mappings as Broadcom's routers have room for.
const SMALL_TABLE: usize = 32;

fn reserve(quirks: &mut Quirks, port: u16) {
    let Some(port) = ExternalPort::new(port) else {
        return;
    };
    quirks
        .reserved
        .get_or_insert_with(|| ReservedPorts::new([]))
        .insert(port);
}

const fn quirk(name: &'static str, what: &'static str, set: fn(&mut Quirks)) -> NamedQuirk {
    NamedQuirk { name, what, set }
}

/// All of them: who may do what, what is granted, what is shown, how it is said, how it is found.
pub static QUIRKS: &[NamedQuirk] = &[
    quirk(
        "igd1",
        "an IGD:1 with WANIPConnection:1: no list action, lease 0 is permanent",
        |q| {
            let igd1 = Quirks::igd1();
            q.generation = igd1.generation;
            q.leases = igd1.leases;
            q.listing = igd1.listing;
        },
    ),
    quirk(
        "secure",
        "a host may touch only the mappings to its own address",
        |q| q.access = Access::Secure,
    ),
    quirk(
        "delete-of-other-714",
        "secure mode, which says 714, not 606, to a delete of another's mapping",
        |q| {
            q.access = Access::Secure;
            q.delete_of_other = DeleteOfOther::NoSuchEntry;
        },
    ),
    quirk(
        "add-for-other-606",
        "secure mode, which says 606, not 718, to a mapping to another's address",
        |q| {
            q.access = Access::Secure;
            q.add_for_other = AddForOther::NotAuthorized;
        },
    ),
    quirk(
        "overwrite",
        "a port that another host has is overwritten without a word",
        |q| q.conflict = Conflict::Overwrite,
    ),
    quirk(
        "one-per-inner-port",
        "a second external port to the same port of a host is refused with 718",
        |q| q.per_inner = PerInner::One,
    ),
    quirk(
        "port-for-port",
        "a mapping leads to the port with the number of the external one, whatever was asked for",
        |q| q.leads_to = LeadsTo::PortForPort,
    ),
    quirk(
        "client-repeater",
        "every mapping leads to 192.168.0.2, whatever was asked for",
        |q| q.leads_to = LeadsTo::Repeater(Ipv4Addr::new(192, 168, 0, 2)),
    ),
    quirk(
        "reserved-representative-port",
        "8080 is refused with 718 to everybody, and nothing is mapped there",
        |q| reserve(q, 8080),
    ),
    quirk(
        "reserved-8081",
        "8081 is refused with 718 to everybody, and nothing is mapped there",
        |q| reserve(q, 8081),
    ),
    quirk(
        "renewal-keeps-end",
        "a renewal is answered OK and the lease ends when it would have ended anyway",
        |q| q.renewal = Renewal::KeepsEnd,
    ),
    quirk(
        "renewal-refused",
        "a renewal before the end of the lease is refused with 718",
        |q| q.renewal = Renewal::Refused,
    ),
    quirk(
        "delete-says-ok",
        "a delete where nothing is mapped gets OK",
        |q| q.delete_missing = DeleteMissing::SayOk,
    ),
    quirk("table-32", "there is room for 32 mappings", |q| {
        q.table_limit = SMALL_TABLE;
    }),
    quirk(
        "table-32-says-ok",
        "there is room for 32 mappings; more get OK and are not stored",
        |q| {
            q.table_limit = SMALL_TABLE;
            q.when_full = WhenFull::SayOk;
        },
    ),
    quirk(
        "table-says-ok",
        "every new mapping gets OK and none is stored",
        |q| {
            q.table_limit = 0;
            q.when_full = WhenFull::SayOk;
        },
    ),
    quirk(
        "mapping-disabled",
        "mappings are stored as not enabled, and nothing is forwarded",
        |q| q.enablement = Enablement::Off,
    ),
    quirk(
        "cut-established",
        "connections are cut with the mapping that they came through",
        |q| q.established = Established::Cut,
    ),
    quirk(
        "lease-as-asked",
        "leases are granted as asked, and 0 is permanent",
        |q| q.leases = Leases::AsAsked,
    ),
    quirk(
        "lease-day",
        "every lease becomes 86400 seconds, whatever was asked for",
        |q| q.leases = Leases::Fixed(DAY),
    ),
    quirk(
        "lease-hour-at-least",
        "a lease under an hour becomes an hour",
        |q| q.leases = Leases::AtLeast(HOUR),
    ),
    quirk(
        "lease-short-402",
        "a lease under an hour is refused with 402",
        |q| q.leases = Leases::NotBelow(HOUR),
    ),
    quirk(
        "lease-finite-402",
        "a lease that ends is refused with 402",
        |q| q.leases = Leases::NotBelow(NonZeroU32::MAX),
    ),
    quirk(
        "lease-permanent-only",
        "a lease that ends is refused with 725",
        |q| q.leases = Leases::PermanentOnly,
    ),
    quirk("lease-clock-fast", "leases end a tenth early", |q| {
        q.lease_clock = LeaseClock {
            fast_per_mille: 100,
            ..q.lease_clock
        };
    }),
    quirk(
        "lease-clock-seconds",
        "leases are counted in whole seconds, and end up to one early",
        |q| q.lease_clock.ticks = Ticks::WholeSeconds,
    ),
    quirk(
        "lists-nothing",
        "no mapping is shown in any way, though all are there and forwarded",
        |q| q.shown = Shown::Nothing,
    ),
    quirk(
        "shown-list-only",
        "mappings are shown by list and index, and 714 is said of each alone",
        |q| q.shown = Shown::ListOnly,
    ),
    quirk(
        "shown-specific-only",
        "each mapping is shown alone; list and index are empty",
        |q| q.shown = Shown::SpecificOnly,
    ),
    quirk(
        "hidden-entries",
        "another host's mapping is hidden: 606",
        |q| q.visibility = Visibility::OwnOnly,
    ),
    quirk(
        "no-specific",
        "GetSpecificPortMappingEntry is answered with 401",
        |q| q.specific = Specific::Missing,
    ),
    quirk(
        "no-list",
        "GetListOfPortMappings is answered with 401",
        |q| q.listing = Listing::ByIndexOnly,
    ),
    quirk("newest-first", "the newest mapping has index 0", |q| {
        q.order = Order::NewestFirst;
    }),
    quirk(
        "list-end-402",
        "past the end of the table the index is refused with 402",
        |q| q.list_end = ListEnd::Fault(Fault::InvalidArgs),
    ),
    quirk(
        "list-end-501",
        "past the end of the table the index is refused with 501",
        |q| q.list_end = ListEnd::Fault(Fault::ActionFailed),
    ),
    quirk(
        "list-end-714",
        "past the end of the table the index is refused with 714",
        |q| q.list_end = ListEnd::Fault(Fault::NoSuchEntry),
    ),
    quirk(
        "list-end-repeats",
        "past the end of the table the last mapping is shown for ever",
        |q| q.list_end = ListEnd::RepeatsLast,
    ),
    quirk(
        "entry-form-sloppy",
        "mappings are shown without lease and remote host, with true for 1 and tcp for TCP",
        |q| q.entry_form = EntryForm::Sloppy,
    ),
    quirk(
        "residents-odd",
        "two other devices have odd mappings, one described in 300 characters",
        |q| q.residents = Residents::Odd,
    ),
    quirk(
        "client-host-name",
        "a name stands where the client's address belongs",
        |q| q.client_text = ClientText::HostName,
    ),
    quirk(
        "client-mac",
        "a hardware address stands where the client's address belongs",
        |q| q.client_text = ClientText::Mac,
    ),
    quirk(
        "client-empty",
        "no text stands where the client's address belongs",
        |q| q.client_text = ClientText::Empty,
    ),
    quirk(
        "description-first-stays",
        "a renewal leaves the description as it was",
        |q| q.descriptions = Descriptions::FirstStays,
    ),
    quirk(
        "description-cut",
        "descriptions are cut after 10 characters",
        |q| q.descriptions = Descriptions::Cut(10),
    ),
    quirk(
        "description-fixed",
        "every mapping is described as UPnP",
        |q| q.descriptions = Descriptions::Fixed("UPnP"),
    ),
    quirk(
        "external-null",
        "the external address is the text (null)",
        |q| q.external = External::Null,
    ),
    quirk("external-empty", "the external address is empty", |q| {
        q.external = External::Empty;
    }),
    quirk("external-zero", "the external address is 0.0.0.0", |q| {
        q.external = External::Zero;
    }),
    quirk(
        "external-private",
        "the external address is private: another router is before this one",
        |q| q.external = External::Private,
    ),
    quirk(
        "external-shared",
        "the external address is shared by customers of the provider (100.64.0.0/10)",
        |q| q.external = External::Shared,
    ),
    quirk(
        "external-501",
        "the external address is refused with 501",
        |q| q.external = External::Refused,
    ),
    quirk(
        "external-changes",
        "the external address is another every minute, and nobody is told",
        |q| q.external_change = ExternalChange::Every(Duration::from_mins(1)),
    ),
    quirk(
        "first-line-down",
        "for the first 30 seconds the line is down: new mappings are refused with 501",
        |q| q.first_line = FirstLine::DownFor(Duration::from_secs(30)),
    ),
    quirk(
        "after-reboot-404",
        "after a reboot the old control URL is a page that says 404",
        |q| q.after_reboot = AfterReboot::PathMoves,
    ),
    quirk(
        "after-reboot-permanent",
        "after a reboot the mappings are there again, without an end",
        |q| q.table_after_reboot = TableAfterReboot::Permanent,
    ),
    quirk(
        "soap-header-spelling",
        "a call gets 501 and a page unless its header is spelt SOAPAction or SOAPACTION",
        |q| q.soap_header = SoapHeader::Exact,
    ),
    quirk("soap-slow", "each call is answered after 6 seconds", |q| {
        q.soap_delay = Duration::from_secs(6);
    }),
    quirk(
        "fault-status-200",
        "refusals come with the HTTP status 200",
        |q| q.fault_status = FaultStatus::Ok,
    ),
    quirk(
        "body-end-close",
        "bodies have no length and end with the connection",
        |q| q.body_end = BodyEnd::Close,
    ),
    quirk(
        "encoding-latin1",
        "calls are answered in ISO 8859-1, which is no UTF-8",
        |q| q.encoding = Encoding::Latin1,
    ),
    quirk(
        "control-url-relative",
        "the control URL is relative to a URLBase and has a query",
        |q| q.control_urls = ControlUrls::RelativeWithQuery,
    ),
    quirk(
        "description-lead",
        "a byte order mark and an empty line come before the description",
        |q| q.description_lead = DescriptionLead::MarkAndBlank,
    ),
    quirk(
        "services-several",
        "there are WANIPConnection:1 and :2 and WANPPPConnection:1; only the last is connected",
        |q| q.services = Services::Several,
    ),
    quirk("ssdp-late", "searches are answered after 5 seconds", |q| {
        q.search_delay = Duration::from_secs(5);
    }),
    quirk(
        "ssdp-very-late",
        "searches are answered after 10 seconds",
        |q| q.search_delay = Duration::from_secs(10),
    ),
    quirk(
        "ssdp-root-device-only",
        "only searches for upnp:rootdevice are answered",
        |q| q.search_answers = SearchAnswers::RootDeviceOnly,
    ),
    quirk(
        "ssdp-all-only",
        "only searches for ssdp:all are answered",
        |q| q.search_answers = SearchAnswers::AllOnly,
    ),
    quirk(
        "ssdp-notify-only",
        "no search is answered; the router announces itself to the group",
        |q| q.search_answers = SearchAnswers::NotifyOnly,
    ),
    quirk(
        "ssdp-from-neighbour",
        "searches are answered from the next address, as by one of a pair of gateways",
        |q| q.answer_source = AnswerSource::Neighbour,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_a_line_that_says_what_it_does() {
        let names: HashSet<_> = QUIRKS.iter().map(|quirk| quirk.name).collect();
        assert_eq!(names.len(), QUIRKS.len());
        let lines: HashSet<_> = QUIRKS.iter().map(|quirk| quirk.what).collect();
        assert_eq!(lines.len(), QUIRKS.len());
        for quirk in QUIRKS {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(quirk.name.chars().all(kebab), "{}", quirk.name);
            assert!(!quirk.what.contains('\n') && quirk.what.len() > 10);
            assert_eq!(find(quirk.name).map(|found| found.name), Some(quirk.name));
        }
        assert!(
            find("list").is_none(),
            "it asks the command line for all names"
        );
    }

    #[test]
    fn each_changes_something_and_then_is_in_force() {
        let usual = Quirks::igd2();
        assert_eq!(in_force(&usual).count(), 0);
        for quirk in QUIRKS {
            let mut quirks = usual;
            (quirk.set)(&mut quirks);
            assert_ne!(quirks, usual, "{}", quirk.name);
            assert!(
                in_force(&quirks).any(|other| other.name == quirk.name),
                "{}",
                quirk.name
            );
        }
    }

    #[test]
    fn quirks_that_set_different_fields_combine() {
        let mut quirks = Quirks::igd2();
        for name in [
            "reserved-8081",
            "client-mac",
            "reserved-representative-port",
        ] {
            (find(name).unwrap().set)(&mut quirks);
        }
        let mut names: Vec<_> = in_force(&quirks).map(|quirk| quirk.name).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "client-mac",
                "reserved-8081",
                "reserved-representative-port"
            ]
        );
    }
}
