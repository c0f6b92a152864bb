//! Label values as closed sets: no client, name or address ever becomes a series, and every series
//! exists from the start at 0.

use crate::lan::{MessageKind, RejectionReason};
use porthole_camera::observe::Discard;
use porthole_gateway::{Action, RequestKind};

/// The values of one label, or of a pair of labels: a closed set.
pub trait Labels: Copy + 'static {
    /// How many combinations there are.
    const COUNT: usize;
    /// The names of the labels.
    fn names() -> Vec<&'static str>;
    /// Every combination, in the order of [`Labels::index`].
    fn all() -> Vec<Self>;
    /// The index of this one in [`Labels::all`].
    fn index(self) -> usize;
    /// The values that Prometheus is given, one a label.
    fn values(self) -> Vec<&'static str>;
}

impl<A: Labels, B: Labels> Labels for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn names() -> Vec<&'static str> {
        [A::names(), B::names()].concat()
    }

    fn all() -> Vec<Self> {
        A::all()
            .into_iter()
            .flat_map(|a| B::all().into_iter().map(move |b| (a, b)))
            .collect()
    }

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn values(self) -> Vec<&'static str> {
        [self.0.values(), self.1.values()].concat()
    }
}

/// Implements [`Labels`] for an enum with `ALL`, also one of another crate; `by` names the method
/// that gives the text of each value.
macro_rules! label_of {
    ($name:ident as $label:literal by $text:ident) => {
        impl Labels for $name {
            const COUNT: usize = Self::ALL.len();

            fn names() -> Vec<&'static str> {
                vec![$label]
            }

            fn all() -> Vec<Self> {
                Self::ALL.to_vec()
            }

            fn index(self) -> usize {
                self as usize
            }

            fn values(self) -> Vec<&'static str> {
                vec![self.$text()]
            }
        }
    };
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident as $label:literal { $($case:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each value is explained by the text beside it")]
        pub enum $name { $($case),+ }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$case),+];

            /// The value that Prometheus is given.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $text),+ }
            }
        }

        label_of!($name as $label by as_str);
    };
}

label!(
    /// An actor of the tree.
    Actor as "actor" {
        Router = "router",
        Registry = "registry",
        Election = "election",
        Lan = "lan",
        Discovery = "discovery",
        Capture = "capture",
        Encoder = "encoder",
        Drive = "drive",
        Http = "http",
    }
);

impl Actor {
    /// The label of the actor with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|actor| actor.as_str() == name)
    }
}

label!(
    /// Why an action failed: the router's own error code, or that there was no readable answer.
    Failure as "code" {
        InvalidAction = "401",
        InvalidArgs = "402",
        ActionFailed = "501",
        NotAuthorized = "606",
        NoSuchIndex = "713",
        NoSuchEntry = "714",
        Conflict = "718",
        SamePortValuesRequired = "724",
        OnlyPermanentLeases = "725",
        NoPortMapsAvailable = "728",
        Other = "other",
        Unreachable = "unreachable",
        TimedOut = "timed_out",
        Unreadable = "unreadable",
        TooLarge = "too_large",
        NotStored = "not_stored",
        MadeOtherwise = "made_otherwise",
        SwitchedOff = "switched_off",
    }
);

impl Failure {
    /// The label for what [`porthole_gateway::Error::code`] says; rare codes share one.
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        Self::ALL
            .iter()
            .copied()
            .find(|failure| failure.as_str() == code)
            .unwrap_or(Self::Other)
    }
}

label!(
    /// Whether a LAN message was sent or received.
    Direction as "direction" {
        Sent = "sent",
        Received = "received",
    }
);

label!(
    /// Why a connection was refused, or ended before its time.
    ConnectionEnd as "reason" {
        AddressFull = "address_full",
        Full = "full",
        Displaced = "displaced",
        TimedOut = "timed_out",
    }
);

label!(
    /// What a seat is for.
    SeatKind as "kind" {
        Pictures = "pictures",
        Events = "events",
    }
);

label!(
    /// How somebody came to have no seat.
    SeatLoss as "outcome" {
        Refused = "refused",
        Displaced = "displaced",
    }
);

label!(
    /// How a try to log in went, on the page, over the API or with the header of a request.
    Login as "outcome" {
        Right = "right",
        Wrong = "wrong",
        Throttled = "throttled",
        Busy = "busy",
    }
);

label!(
    /// The class of an HTTP status code: exact codes times routes would be too many series.
    StatusClass as "code" {
        Informational = "1xx",
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
);

impl StatusClass {
    /// The class of this status code.
    #[must_use]
    pub const fn of_code(code: u16) -> Self {
        match code {
            0..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

label_of!(Action as "action" by as_str);
label_of!(RequestKind as "kind" by as_str);
label_of!(Discard as "reason" by word);
label_of!(MessageKind as "kind" by as_str);
label_of!(RejectionReason as "reason" by as_str);
