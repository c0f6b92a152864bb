//! The quirks that are run, one row each.

use porthole_sim_router::{
    Access, AddForOther, ClientText, Conflict, DeleteMissing, DeleteOfOther, Descriptions,
    Enablement, Established, Fault, LeaseClock, Leases, Listing, PerInner, Quirks, Renewal,
    ReservedPorts, Shown, Ticks, Visibility, WhenFull,
};
use porthole_types::ExternalPort;
use std::num::NonZeroU32;

/// A router with one habit.
pub(crate) struct NamedQuirk {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) set: fn(&mut Quirks),
}

const HOUR: NonZeroU32 = NonZeroU32::new(3600).expect("an hour is not zero");

macro_rules! quirks {
    ($($name:literal, $what:literal, |$quirks:ident| $set:expr;)*) => {
        &[$(NamedQuirk { name: $name, what: $what, set: |$quirks| $set }),*]
    };
}

fn reserve(port: u16, fault: Fault) -> Option<ReservedPorts> {
    Some(ReservedPorts::new(ExternalPort::new(port)).refused_with(fault))
}

pub(crate) const QUIRKS: &[NamedQuirk] = quirks! {
    "standard", "IGD:2 by the book, open to all hosts", |_q| ();
    "igd1", "IGD:1: any lease, the table only by index", |q| *q = Quirks::igd1();
    "secure", "secure mode: a host maps and deletes for itself only", |q| q.access = Access::Secure;
    "secure-714", "secure mode; another's mapping cannot be deleted, with code 714", |q| {
        q.access = Access::Secure;
        q.delete_of_other = DeleteOfOther::NoSuchEntry;
    };
    "secure-606", "secure mode; a mapping to another host is refused with 606", |q| {
        q.access = Access::Secure;
        q.add_for_other = AddForOther::NotAuthorized;
    };
    "own-only", "secure mode; another's mapping is not shown (606)", |q| {
        q.access = Access::Secure;
        q.visibility = Visibility::OwnOnly;
    };
    "lease-at-least", "every lease is an hour at the least", |q| q.leases = Leases::AtLeast(HOUR);
    "lease-not-below", "leases below an hour are refused with 402", |q| {
        q.leases = Leases::NotBelow(HOUR);
    };
    "permanent-only", "finite leases are refused with 725", |q| q.leases = Leases::PermanentOnly;
    "permanent-secure", "secure mode, and finite leases are refused with 725", |q| {
        q.access = Access::Secure;
        q.leases = Leases::PermanentOnly;
    };
    "overwrite", "whoever asks for a port gets it, whosever it was", |q| {
        q.conflict = Conflict::Overwrite;
    };
    "delete-says-ok", "deleting what is not there is OK", |q| {
        q.delete_missing = DeleteMissing::SayOk;
    };
    "full-refuses", "the table holds two mappings, a third is refused with 728", |q| {
        q.table_limit = 2;
    };
    "full-lies", "the table holds two mappings, a third is OK and not stored", |q| {
        q.table_limit = 2;
        q.when_full = WhenFull::SayOk;
    };
    "by-index", "the table only by index", |q| q.listing = Listing::ByIndexOnly;
    "first-description", "a renewal leaves the first description", |q| {
        q.descriptions = Descriptions::FirstStays;
    };
    "cut-description", "descriptions are cut after 10 characters", |q| {
        q.descriptions = Descriptions::Cut(10);
    };
    "fixed-description", "every description is the router's own text", |q| {
        q.descriptions = Descriptions::Fixed("UPnP");
    };
    "not-enabled", "mappings are stored, but not in force", |q| q.enablement = Enablement::Off;
    "fast-clock", "leases end 5 % early", |q| {
        q.lease_clock = LeaseClock { fast_per_mille: 50, ticks: Ticks::Continuous };
    };
    "whole-seconds", "leases end up to a second early", |q| {
        q.lease_clock = LeaseClock { fast_per_mille: 0, ticks: Ticks::WholeSeconds };
    };
    "cuts", "connections are cut when their mapping ends", |q| q.established = Established::Cut;
    "hidden", "the table is empty to everybody, though mappings are in force", |q| {
        q.shown = Shown::Nothing;
    };
    "list-only", "only the list shows mappings, a look at one port does not", |q| {
        q.shown = Shown::ListOnly;
    };
    "specific-only", "only a look at one port shows mappings, the list is empty", |q| {
        q.shown = Shown::SpecificOnly;
    };
    "client-name", "clients are shown by names of the router's", |q| {
        q.client_text = ClientText::HostName;
    };
    "client-mac", "clients are shown by their hardware addresses", |q| {
        q.client_text = ClientText::Mac;
    };
    "client-empty", "clients are not shown", |q| q.client_text = ClientText::Empty;
    "one-per-inner", "one external port for each port of a client; a second is refused", |q| {
        q.per_inner = PerInner::One;
    };
    "reserved-8080", "port 8080 is the router's own: refused with 718", |q| {
        q.reserved = reserve(8080, Fault::Conflict);
    };
    "reserved-8080-501", "port 8080 is the router's own: refused with 501", |q| {
        q.reserved = reserve(8080, Fault::ActionFailed);
    };
    "reserved-8081", "port 8081 is the router's own: refused with 718", |q| {
        q.reserved = reserve(8081, Fault::Conflict);
    };
    "renewal-keeps-end", "a renewal is OK, and the lease ends as if there had been none", |q| {
        q.renewal = Renewal::KeepsEnd;
    };
    "renewal-refused", "a mapping cannot be renewed before its lease ends (718)", |q| {
        q.renewal = Renewal::Refused;
    };
};
