//! How a router departs from the standard. Each is seen in real ones; the default is an IGD:2 that
//! follows its specification.

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::fault::Fault;

mod discovery;
mod oddities;
mod outside;
mod reading;
mod wire;

pub use discovery::{AnswerSource, SearchAnswers};
pub use oddities::{ClientText, LeadsTo, PerInner, Renewal, ReservedPorts, Shown};
pub use outside::{External, ExternalChange, FirstLine, TableAfterReboot};
pub use reading::{EntryForm, ListEnd, Order, Residents, Specific};
pub use wire::{
    AfterReboot, BodyEnd, ControlUrls, DescriptionLead, Encoding, FaultStatus, Services, SoapHeader,
};

/// A lease of a week, the longest that WANIPConnection:2 §2.3.16 allows.
const WEEK: NonZeroU32 = NonZeroU32::new(604_800).expect("a week is not zero");

/// Which generation of the WAN connection service the router offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// IGD:1 with WANIPConnection:1, which has no `GetListOfPortMappings`.
    Igd1,
    /// IGD:2 with WANIPConnection:2.
    Igd2,
}

/// Whose mappings a host may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Any host may map a port to, and delete the mapping of, any other.
    Open,
    /// Only one's own ("secure mode" of miniupnpd; the host is known by its address).
    Secure,
}

/// What becomes of the lease that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// Granted as asked; 0 is permanent.
    AsAsked,
    /// 0, and everything longer, becomes this many seconds.
    Capped(NonZeroU32),
    /// Whatever was asked for becomes this many seconds.
    Fixed(NonZeroU32),
    /// A shorter one becomes this many seconds; 0 is permanent.
    AtLeast(NonZeroU32),
    /// A shorter one is refused with 402; 0 is permanent.
    NotBelow(NonZeroU32),
    /// A finite lease is refused with 725; 0 is permanent.
    PermanentOnly,
}

/// The clock by which leases end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseClock {
    /// How much earlier than promised a lease ends, in parts of 1,000; below 1,000.
    pub fast_per_mille: u32,
    /// In which steps it counts.
    pub ticks: Ticks,
}

/// In which steps a router counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticks {
    /// Without steps: a lease ends at its very moment.
    Continuous,
    /// In whole seconds since its start: a lease ends up to one second early.
    WholeSeconds,
}

/// What happens to a mapping when another host asks for its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Refused with 718: the first stays.
    Refuse,
    /// Overwritten, and nobody is told (RFC 6886 §9.4).
    Overwrite,
}

/// The answer to a delete where nothing was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteMissing {
    /// Refused with 714, `NoSuchEntryInArray` (WANIPConnection:2).
    Refuse,
    /// OK, as some nftables builds of miniupnpd say.
    SayOk,
}

/// The code with which secure mode refuses to delete another's mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOfOther {
    /// Refused with 606, `Action not authorized` (WANIPConnection:2).
    NotAuthorized,
    /// 714, as if it were not there (IGD:1 builds of miniupnpd).
    NoSuchEntry,
}

/// The code with which secure mode refuses a mapping to another host's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddForOther {
    /// Refused with 718, `ConflictInMappingEntry`.
    Conflict,
    /// Refused with 606, `Action not authorized` (WANIPConnection:2).
    NotAuthorized,
}

/// The answer to an add when the table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Refused with 728, `NoPortMapsAvailable` (WANIPConnection:2).
    Refuse,
    /// OK, but nothing is stored.
    SayOk,
}

/// How the table can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `GetListOfPortMappings`, and by index. An [`Generation::Igd1`] has only the index all the
    /// same.
    InOneRequest,
    /// Only by index: `GetListOfPortMappings` is answered with 401.
    ByIndexOnly,
}

/// Whose entries `GetSpecificPortMappingEntry` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// The entries of all hosts, whoever asks.
    All,
    /// Another host's is refused with 606 (WANIPConnection:2 §2.3.1).
    OwnOnly,
}

/// Which description a mapping is stored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptions {
    /// The one that was asked for.
    AsAsked,
    /// A renewal leaves the first one.
    FirstStays,
    /// The first so many characters of the one that was asked for.
    Cut(usize),
    /// This text of the router's own.
    Fixed(&'static str),
}

/// Whether mappings are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enablement {
    /// They are in force: connections are forwarded.
    On,
    /// They are stored and shown with `NewEnabled` 0, and nothing is forwarded.
    Off,
}

/// What becomes of connections when the mapping they came through ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Established {
    /// They go on, as under netfilter, where only the first packet of a connection meets the rule.
    Keep,
    /// They are cut.
    Cut,
}

/// All of a router's habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// Which services it offers.
    pub generation: Generation,
    /// Whose mappings a host may touch.
    pub access: Access,
    /// What becomes of the lease that was asked for.
    pub leases: Leases,
    /// What happens to a mapping when another host asks for its port.
    pub conflict: Conflict,
    /// The answer to a delete where nothing was mapped.
    pub delete_missing: DeleteMissing,
    /// How secure mode refuses to delete another's mapping.
    pub delete_of_other: DeleteOfOther,
    /// How secure mode refuses a mapping to another host's address.
    pub add_for_other: AddForOther,
    /// How many mappings fit in the table.
    pub table_limit: usize,
    /// The answer to an add when the table is full.
    pub when_full: WhenFull,
    /// How the table can be read.
    pub listing: Listing,
    /// Whose entries are shown to whom.
    pub visibility: Visibility,
    /// Which description a mapping is stored with.
    pub descriptions: Descriptions,
    /// Whether mappings are in force.
    pub enablement: Enablement,
    /// By which clock leases end.
    pub lease_clock: LeaseClock,
    /// What becomes of connections when their mapping ends.
    pub established: Established,
    /// What reading shows of the mappings.
    pub shown: Shown,
    /// What stands for the client of a mapping that is read.
    pub client_text: ClientText,
    /// How many external ports may lead to one port of a client.
    pub per_inner: PerInner,
    /// What a mapping is made to lead to.
    pub leads_to: LeadsTo,
    /// The external ports that nobody is given, though nothing is mapped there.
    pub reserved: Option<ReservedPorts>,
    /// What an add by the holder of a port does before its lease ends.
    pub renewal: Renewal,
    /// In which order list and index show the mappings.
    pub order: Order,
    /// The answer past the last mapping.
    pub list_end: ListEnd,
    /// Whether one mapping can be asked for.
    pub specific: Specific,
    /// How a mapping is written down when it is read.
    pub entry_form: EntryForm,
    /// What is in the table from the start.
    pub residents: Residents,
    /// Where calls go after a reboot.
    pub after_reboot: AfterReboot,
    /// What becomes of the mappings in a reboot.
    pub table_after_reboot: TableAfterReboot,
    /// The line to the Internet after the first start.
    pub first_line: FirstLine,
    /// What is said of the external address.
    pub external: External,
    /// Whether the external address changes by itself.
    pub external_change: ExternalChange,
    /// Which spellings of the `SOAPAction` header are understood.
    pub soap_header: SoapHeader,
    /// How long each call is answered after it was carried out.
    pub soap_delay: Duration,
    /// The HTTP status of a refusal.
    pub fault_status: FaultStatus,
    /// How one knows where the body of an answer ends.
    pub body_end: BodyEnd,
    /// In which encoding calls are answered.
    pub encoding: Encoding,
    /// How the description says where calls go.
    pub control_urls: ControlUrls,
    /// What comes before the XML of the description.
    pub description_lead: DescriptionLead,
    /// How many WAN connection services there are.
    pub services: Services,
    /// Which searches are answered.
    pub search_answers: SearchAnswers,
    /// How long after a search its answers are sent.
    pub search_delay: Duration,
    /// The address that the answers to searches come from.
    pub answer_source: AnswerSource,
}

impl Quirks {
    /// An IGD:2 that follows its specification, open to all hosts.
    #[must_use]
    pub const fn igd2() -> Self {
        Self {
            generation: Generation::Igd2,
            access: Access::Open,
            leases: Leases::Capped(WEEK),
            conflict: Conflict::Refuse,
            delete_missing: DeleteMissing::Refuse,
            delete_of_other: DeleteOfOther::NotAuthorized,
            add_for_other: AddForOther::Conflict,
            table_limit: 1024,
            when_full: WhenFull::Refuse,
            listing: Listing::InOneRequest,
            visibility: Visibility::All,
            descriptions: Descriptions::AsAsked,
            enablement: Enablement::On,
            lease_clock: LeaseClock::EXACT,
            established: Established::Keep,
            shown: Shown::All,
            client_text: ClientText::Address,
            per_inner: PerInner::Many,
            leads_to: LeadsTo::AsAsked,
            reserved: None,
            renewal: Renewal::Extends,
            order: Order::OldestFirst,
            list_end: ListEnd::Fault(Fault::IndexInvalid),
            specific: Specific::Offered,
            entry_form: EntryForm::Standard,
            residents: Residents::None,
            after_reboot: AfterReboot::PortMoves,
            table_after_reboot: TableAfterReboot::Lost,
            first_line: FirstLine::Up,
            external: External::AsTold,
            external_change: ExternalChange::Never,
            soap_header: SoapHeader::AnyCase,
            soap_delay: Duration::ZERO,
            fault_status: FaultStatus::Error,
            body_end: BodyEnd::Length,
            encoding: Encoding::Utf8,
            control_urls: ControlUrls::FromRoot,
            description_lead: DescriptionLead::None,
            services: Services::One,
            search_answers: SearchAnswers::All,
            search_delay: Duration::ZERO,
            answer_source: AnswerSource::Own,
        }
    }

    /// An IGD:1: any lease, 0 is permanent, the table only by index.
    #[must_use]
    pub const fn igd1() -> Self {
        Self {
            generation: Generation::Igd1,
            leases: Leases::AsAsked,
            listing: Listing::ByIndexOnly,
            ..Self::igd2()
        }
    }

    /// What stands in `NewInternalClient` for the client at `address`.
    #[must_use]
    pub fn client_text_of(&self, address: Ipv4Addr) -> String {
        self.client_text.of(address)
    }

    /// Whether `GetListOfPortMappings` exists here.
    #[cfg(feature = "server")]
    pub(crate) fn lists_in_one_request(&self) -> bool {
        self.generation == Generation::Igd2 && self.listing == Listing::InOneRequest
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self::igd2()
    }
}

impl Generation {
    /// The number at the end of the types of device and service.
    #[cfg(feature = "server")]
    pub(crate) const fn version(self) -> u8 {
        match self {
            Self::Igd1 => 1,
            Self::Igd2 => 2,
        }
    }
}

impl Leases {
    /// The lease granted for one of `asked` seconds (0: no end), in seconds; `None` is permanent.
    pub(crate) fn grant(self, asked: u32) -> Result<Option<NonZeroU32>, Fault> {
        let asked = NonZeroU32::new(asked);
        match (self, asked) {
            (Self::Capped(cap), asked) => Ok(Some(asked.map_or(cap, |asked| asked.min(cap)))),
            (Self::Fixed(lease), _) => Ok(Some(lease)),
            (Self::AtLeast(floor), asked) => Ok(asked.map(|asked| asked.max(floor))),
            (Self::NotBelow(least), Some(asked)) if asked < least => Err(Fault::InvalidArgs),
            (Self::AsAsked | Self::NotBelow(_), asked) => Ok(asked),
            (Self::PermanentOnly, None) => Ok(None),
            (Self::PermanentOnly, Some(_)) => Err(Fault::OnlyPermanentLeases),
        }
    }
}

impl LeaseClock {
    /// Leases end when they should.
    pub const EXACT: Self = Self {
        fast_per_mille: 0,
        ticks: Ticks::Continuous,
    };

    /// How much of the lease's own milliseconds this clock counts in 1,000 of them.
    fn per_mille(self) -> u64 {
        u64::from(1_000_u32.saturating_sub(self.fast_per_mille).max(1))
    }

    /// How long a lease of so many seconds really lasts.
    pub(crate) fn lasts(self, seconds: NonZeroU32) -> Duration {
        Duration::from_millis(u64::from(seconds.get()) * self.per_mille())
    }

    /// What it shows of a lease that has really so much left: seconds, rounded up.
    pub(crate) fn shows(self, left: Duration) -> u64 {
        let millis = u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        (millis.saturating_mul(1_000) / self.per_mille()).div_ceil(1_000)
    }
}

impl Descriptions {
    /// The description to store for one that was asked for, where `old` is there already.
    pub(crate) fn stored(self, asked: String, old: Option<&str>) -> String {
        match (self, old) {
            (Self::FirstStays, Some(old)) => old.to_owned(),
            (Self::AsAsked | Self::FirstStays, _) => asked,
            (Self::Cut(characters), _) => asked.chars().take(characters).collect(),
            (Self::Fixed(text), _) => text.to_owned(),
        }
    }
}
