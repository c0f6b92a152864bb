//! The routers that are tried: one without a quirk, one with each, and some with several.

use porthole_sim_router::{Access, ClientText, Leases, Quirks, ReservedPorts, Shown, WhenFull};
use std::num::NonZeroU32;

pub(crate) use porthole_sim_router::named::{NamedQuirk, QUIRKS};

const HOUR: NonZeroU32 = NonZeroU32::new(3600).expect("an hour is not zero");

const fn several(name: &'static str, what: &'static str, set: fn(&mut Quirks)) -> NamedQuirk {
    NamedQuirk { name, what, set }
}

/// What many a real router is: several habits that matter to each other.
static SEVERAL: &[NamedQuirk] = &[
    several(
        "secure+lease-hour-at-least",
        "secure mode, and a lease under an hour becomes an hour",
        |q| {
            q.access = Access::Secure;
            q.leases = Leases::AtLeast(HOUR);
        },
    ),
    several(
        "secure+lease-permanent-only",
        "secure mode, and a lease that ends is refused with 725",
        |q| {
            q.access = Access::Secure;
            q.leases = Leases::PermanentOnly;
        },
    ),
    several(
        "secure+lists-nothing",
        "secure mode, and no mapping is shown in any way",
        |q| {
            q.access = Access::Secure;
            q.shown = Shown::Nothing;
        },
    ),
    several(
        "secure+client-host-name",
        "secure mode, and a name stands where the client's address belongs",
        |q| {
            q.access = Access::Secure;
            q.client_text = ClientText::HostName;
        },
    ),
    several(
        "lists-nothing+reserved-representative-port",
        "no mapping is shown in any way, and 8080 is refused with 718 to everybody",
        |q| {
            q.shown = Shown::Nothing;
            q.reserved = Some(ReservedPorts::new(porthole_types::ExternalPort::new(8080)));
        },
    ),
    several("table-2", "there is room for 2 mappings", |q| {
        q.table_limit = 2;
    }),
    several(
        "table-2-says-ok",
        "there is room for 2 mappings; more get OK and are not stored",
        |q| {
            q.table_limit = 2;
            q.when_full = WhenFull::SayOk;
        },
    ),
];

/// A router by the book.
static STANDARD: NamedQuirk = several("standard", "an IGD:2 by the book, open to all", |_| ());

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static NamedQuirk> {
    std::iter::once(&STANDARD).chain(QUIRKS).chain(SEVERAL)
}
