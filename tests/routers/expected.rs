//! What is promised on each router: everything, unless a row here says less, and why.

/// What is promised on one router.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) quirk: &'static str,
    /// Who has the representative port while nothing happens.
    pub(crate) holder: Holder,
    /// Cameras that get a port outside; the others say why they have none.
    pub(crate) mapped: usize,
    /// Heartbeats without a holder while nothing happens.
    pub(crate) gap: u32,
    /// What becomes of the port when its holder dies.
    pub(crate) takeover: Takeover,
    /// What a camera has to say, each in one sentence at least.
    pub(crate) words: &'static [&'static str],
    /// Why it is less than everything; empty where it is everything.
    pub(crate) because: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// One camera, the same all the time.
    One,
    /// No camera can have it.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// Another camera deletes the mapping.
    ByDeleting,
    /// When the lease has ended.
    ByLease,
    /// Not before the operator deletes the mapping; one of the others stands in.
    Deputy,
    /// Nobody had the port.
    None,
}

/// Everything.
const ALL: Expected = Expected {
    quirk: "",
    holder: Holder::One,
    mapped: 3,
    gap: 0,
    takeover: Takeover::ByDeleting,
    words: &[],
    because: "",
};

/// In secure mode nobody may delete for another.
const SECURE: Expected = Expected {
    takeover: Takeover::ByLease,
    because: "only the end of the lease frees a dead camera's port",
    ..ALL
};

/// A port that is the router's own.
const RESERVED: Expected = Expected {
    holder: Holder::Nobody,
    takeover: Takeover::None,
    words: &["8080", "router.representative_port"],
    because: "no camera can have 8080: choose another representative port",
    ..ALL
};

/// The rows where less is promised, or words are.
pub(crate) const NAMES: &[Expected] = &[
    Expected {
        quirk: "secure",
        ..SECURE
    },
    Expected {
        quirk: "secure-714",
        ..SECURE
    },
    Expected {
        quirk: "secure-606",
        ..SECURE
    },
    Expected {
        quirk: "own-only",
        ..SECURE
    },
    Expected {
        quirk: "permanent-secure",
        takeover: Takeover::Deputy,
        words: &["Delete the entry for port 8080"],
        because: "nothing but a hand on the router's pages frees a dead camera's port",
        ..ALL
    },
    Expected {
        quirk: "full-refuses",
        mapped: 2,
        words: &["full"],
        because: "the table has room for two cameras",
        ..ALL
    },
    Expected {
        quirk: "full-lies",
        mapped: 2,
        words: &["full"],
        because: "the table has room for two cameras",
        ..ALL
    },
    Expected {
        quirk: "not-enabled",
        holder: Holder::Nobody,
        mapped: 0,
        takeover: Takeover::None,
        words: &["not in force"],
        because: "the router forwards nothing until its owner lets it",
        ..ALL
    },
    Expected {
        quirk: "hidden",
        takeover: Takeover::ByLease,
        because: "what cannot be seen is not deleted for another",
        ..ALL
    },
    Expected {
        quirk: "client-name",
        takeover: Takeover::ByLease,
        because: "a mapping that cannot be told to be the dead camera's is not deleted",
        ..ALL
    },
    Expected {
        quirk: "client-mac",
        takeover: Takeover::ByLease,
        because: "a mapping that cannot be told to be the dead camera's is not deleted",
        ..ALL
    },
    Expected {
        quirk: "client-empty",
        takeover: Takeover::ByLease,
        because: "a mapping that cannot be told to be the dead camera's is not deleted",
        ..ALL
    },
    Expected {
        quirk: "reserved-8080",
        ..RESERVED
    },
    Expected {
        quirk: "reserved-8080-501",
        ..RESERVED
    },
    Expected {
        quirk: "renewal-keeps-end",
        gap: 4,
        because: "each lease ends, and the port is asked for anew",
        ..ALL
    },
    Expected {
        quirk: "renewal-refused",
        gap: 4,
        because: "each lease ends, and the port is asked for anew",
        ..ALL
    },
];

impl Expected {
    /// What is promised on the router with this quirk.
    pub(crate) fn of(quirk: &'static str) -> Self {
        let less = NAMES.iter().find(|expected| expected.quirk == quirk);
        less.map_or(Self { quirk, ..ALL }, |less| *less)
    }
}
