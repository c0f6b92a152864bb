//! What is promised on each router: everything, unless a row here says less, and why.

/// What is promised on one router.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) quirk: &'static str,
    /// Who has the representative port while nothing happens.
    pub(crate) holder: Holder,
    /// How many cameras get a port outside; the others say why they have none.
    pub(crate) mapped: Mapped,
    /// Heartbeats without a holder while nothing happens.
    pub(crate) gap: u32,
    /// What becomes of the port when its holder dies.
    pub(crate) takeover: Takeover,
    /// What a camera has to say, each in one sentence at least; where none are, it says nothing.
    pub(crate) words: &'static [&'static str],
    /// Why it is less than everything; empty where it is everything.
    pub(crate) because: &'static str,
    /// What is done to the router before the calm.
    pub(crate) before: Before,
    /// How many times as long everything may take.
    pub(crate) pace: u32,
    /// Where its searches are answered.
    pub(crate) searched: Searched,
    /// How cameras end that are told to.
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With nothing left on the router.
    Clean,
    /// Perhaps with something left, and then the exit code says so.
    MaySaySo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// One camera, the same all the time.
    One,
    /// No camera can have it.
    Nobody,
    /// No camera can have it, and none can know: one believes what the router says, and shows the
    /// class that says so.
    Unknowable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// So many cameras.
    Exactly(usize),
    /// The entries mean nothing.
    Whatever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    /// Another camera deletes the mapping.
    ByDeleting,
    /// When the lease has ended, at the latest.
    ByLease,
    /// Sooner or later, within some leases.
    InTime,
    /// Not before the operator deletes the mapping; one of the others stands in, and all say so.
    Deputy,
    /// Nobody had the port.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// It is switched off and on when all cameras have their ports.
    Reboot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Searched {
    /// At its own address: nobody else hears of it.
    AtItsAddress,
    /// At a group, where it can announce itself.
    AtAGroup,
}

/// Everything.
const ALL: Expected = Expected {
    quirk: "",
    holder: Holder::One,
    mapped: Mapped::Exactly(3),
    gap: 0,
    takeover: Takeover::ByDeleting,
    words: &[],
    because: "",
    before: Before::Nothing,
    pace: 1,
    searched: Searched::AtItsAddress,
    end: End::Clean,
};

/// In secure mode nobody may delete for another.
const SECURE: Expected = Expected {
    takeover: Takeover::ByLease,
    because: "only the end of the lease frees a dead camera's port",
    ..ALL
};

/// Nobody can tell whose a mapping is.
const UNSEEN: Expected = Expected {
    takeover: Takeover::ByLease,
    because: "a mapping that cannot be seen to be the dead camera's is not deleted",
    ..ALL
};

/// The dead camera's mapping has no end, and nobody may delete it.
const STUCK: Expected = Expected {
    takeover: Takeover::Deputy,
    words: &["Delete the entry for port 8080"],
    because: "nothing but a hand on the router's own pages frees a dead camera's port soon",
    ..ALL
};

/// Leases end whatever is done.
const ENDING: Expected = Expected {
    gap: 4,
    because: "each lease ends, and the port is asked for anew",
    ..ALL
};

/// There is no room for a third camera.
const FULL: Expected = Expected {
    mapped: Mapped::Exactly(2),
    words: &["full"],
    because: "the table has room for two cameras",
    ..ALL
};

/// Nobody gets anything.
const NOTHING: Expected = Expected {
    holder: Holder::Nobody,
    mapped: Mapped::Exactly(0),
    takeover: Takeover::None,
    ..ALL
};

/// Cameras have their ports, but nobody outside gets through.
const NO_WAY_IN: Expected = Expected {
    because: "nobody outside gets through to this router",
    ..ALL
};

/// The rows where less is promised, or words are.
pub(crate) const LESS: &[Expected] = &[
    Expected {
        quirk: "secure",
        ..SECURE
    },
    Expected {
        quirk: "delete-of-other-714",
        ..SECURE
    },
    Expected {
        quirk: "add-for-other-606",
        ..SECURE
    },
    Expected {
        quirk: "secure+lease-hour-at-least",
        ..STUCK
    },
    Expected {
        quirk: "secure+lease-permanent-only",
        ..STUCK
    },
    Expected {
        quirk: "secure+lists-nothing",
        ..SECURE
    },
    Expected {
        quirk: "secure+client-host-name",
        ..SECURE
    },
    Expected {
        quirk: "table-2",
        ..FULL
    },
    Expected {
        quirk: "table-2-says-ok",
        ..FULL
    },
    Expected {
        quirk: "table-says-ok",
        holder: Holder::Unknowable,
        because: "the router says yes, keeps nothing and shows nothing, which nobody can tell from \
                  one that keeps and does not show: the class says so",
        ..NOTHING
    },
    Expected {
        quirk: "mapping-disabled",
        holder: Holder::Nobody,
        mapped: Mapped::Whatever,
        takeover: Takeover::None,
        words: &["switched off in the router's own settings"],
        because: "the router forwards nothing until its owner lets it",
        ..ALL
    },
    Expected {
        quirk: "port-for-port",
        mapped: Mapped::Exactly(1),
        words: &["router.port_mode"],
        because: "cameras need ports of their own that lead to the same number here",
        ..ALL
    },
    Expected {
        quirk: "client-repeater",
        words: &["192.168.0.2"],
        because: "nothing leads to a camera on this router",
        ..NOTHING
    },
    Expected {
        quirk: "reserved-representative-port",
        holder: Holder::Nobody,
        takeover: Takeover::None,
        words: &["8080", "router.representative_port"],
        because: "no camera can have 8080: choose another representative port",
        ..ALL
    },
    Expected {
        quirk: "lists-nothing+reserved-representative-port",
        holder: Holder::Nobody,
        takeover: Takeover::None,
        words: &["does not show who has it", "router.representative_port"],
        because: "no camera can have 8080, and nobody can tell why: choose another representative \
                  port",
        ..ALL
    },
    Expected {
        quirk: "lists-nothing",
        ..UNSEEN
    },
    Expected {
        quirk: "client-host-name",
        ..UNSEEN
    },
    Expected {
        quirk: "client-mac",
        ..UNSEEN
    },
    Expected {
        quirk: "client-empty",
        ..UNSEEN
    },
    Expected {
        quirk: "renewal-keeps-end",
        ..ENDING
    },
    Expected {
        quirk: "renewal-refused",
        ..ENDING
    },
    Expected {
        quirk: "external-null",
        words: &["Internet address"],
        because: "links for those outside need router.external_host",
        ..ALL
    },
    Expected {
        quirk: "external-empty",
        words: &["Internet address"],
        because: "links for those outside need router.external_host",
        ..ALL
    },
    Expected {
        quirk: "external-zero",
        words: &["Internet address"],
        ..NO_WAY_IN
    },
    Expected {
        quirk: "external-private",
        words: &["double NAT"],
        ..NO_WAY_IN
    },
    Expected {
        quirk: "external-shared",
        words: &["carrier-grade NAT"],
        ..NO_WAY_IN
    },
    Expected {
        quirk: "external-501",
        words: &["Internet address"],
        because: "links for those outside need router.external_host",
        ..ALL
    },
    Expected {
        quirk: "after-reboot-404",
        before: Before::Reboot,
        ..ALL
    },
    Expected {
        quirk: "after-reboot-permanent",
        before: Before::Reboot,
        ..ALL
    },
    Expected {
        quirk: "first-line-down",
        pace: 2,
        ..ALL
    },
    Expected {
        quirk: "soap-slow",
        takeover: Takeover::InTime,
        words: &["takes about 6 s"],
        because: "each answer takes half a lease, so that leases are longer, and who is told to \
                  end has no time to give back what it has: it says so by its exit code",
        pace: 4,
        end: End::MaySaySo,
        ..ALL
    },
    Expected {
        quirk: "ssdp-notify-only",
        searched: Searched::AtAGroup,
        ..ALL
    },
];

impl Expected {
    /// What is promised on the router with this quirk.
    pub(crate) fn of(quirk: &'static str) -> Self {
        let less = LESS.iter().find(|expected| expected.quirk == quirk);
        less.map_or(Self { quirk, ..ALL }, |less| *less)
    }
}
